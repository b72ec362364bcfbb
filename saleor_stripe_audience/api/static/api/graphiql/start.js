// The key stays in this tab: it comes after # in the address (the demo's link has it), or is typed under Headers.
"use strict";

const key = new URLSearchParams(location.hash.slice(1)).get("key") ?? "";

async function fetcher(asked, options) {
  const answer = await fetch(location.pathname, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}`, ...(options?.headers ?? {}) },
    body: JSON.stringify(asked),
  });
  return answer.json();
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultEditorToolsVisibility: key ? false : "headers",
    defaultQuery: "{\n  contacts(first: 5) {\n    totalCount\n    edges { node { email status ordersCount spent { spent { amount currency } } } }\n  }\n}\n",
  }),
);
