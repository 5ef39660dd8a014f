"""Certificates made for a test: a CA, and what it signs. With openssl, in a folder of the test's own."""

import subprocess


class Authority:
    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.certificate = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        self._openssl("req", "-x509", *self._new_key(self.key), "-out", self.certificate,
                      "-subj", f"/CN={name}", "-days", "2")

    def sign(self, name, subject=None, hosts="DNS:localhost,IP:127.0.0.1", days=2):
        """Make NAME.pem and NAME.key; returns both paths."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\n")
        self._openssl("req", *self._new_key(key), "-out", request, "-subj", subject or f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                      "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", certificate)
        return certificate, key

    @staticmethod
    def _new_key(path):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)
