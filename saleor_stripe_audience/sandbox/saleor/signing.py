"""Saleor's keys: webhook signatures (detached JWS, RFC 7797), tokens (JWT), and the JWKS to verify them."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True)
class SigningKey:
    """One RSA key of Saleor; its `kid` is the RFC 7638 thumbprint."""

    private: rsa.RSAPrivateKey
    kid: str

    @classmethod
    def generate(cls) -> "SigningKey":
        """Create a key of 2048 bits."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = private.public_key().public_numbers()
        shape = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
        thumbprint = hashlib.sha256(json.dumps(shape, separators=(",", ":")).encode()).digest()
        return cls(private, _encode(thumbprint))

    def jwk(self) -> dict[str, Any]:
        """Return the public key as Saleor's JWKS shows it."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "key_ops": ["verify"],
            "n": _number(numbers.n),
            "e": _number(numbers.e),
            "use": "sig",
            "kid": self.kid,
            "alg": "RS256",
        }

    def _sign(self, message: bytes) -> str:
        return _encode(self.private.sign(message, padding.PKCS1v15(), hashes.SHA256()))

    def signature(self, body: bytes) -> str:
        """Return the `Saleor-Signature` header of a webhook: `header..signature`, over the raw body."""
        protected = {"alg": "RS256", "b64": False, "crit": ["b64"], "kid": self.kid, "typ": "JWT"}
        head = _encode(json.dumps(protected, separators=(",", ":")).encode())
        return f"{head}..{self._sign(head.encode() + b'.' + body)}"

    def token(self, claims: dict[str, Any]) -> str:
        """Return a JWT with these claims."""
        head = _encode(json.dumps({"alg": "RS256", "kid": self.kid, "typ": "JWT"}).encode())
        payload = f"{head}.{_encode(json.dumps(claims).encode())}"
        return f"{payload}.{self._sign(payload.encode())}"

    def claims_of(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token signed by this key; None for any other token."""
        try:
            head, payload, signature = token.split(".")
            message = f"{head}.{payload}".encode()
            self.private.public_key().verify(_decode(signature), message, padding.PKCS1v15(), hashes.SHA256())
            claims = json.loads(_decode(payload))
        except (ValueError, InvalidSignature):
            return None
        return claims if isinstance(claims, dict) else None
