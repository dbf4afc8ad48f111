# SPDX-License-Identifier: Apache-2.0
"""Certificates made on the spot, by openssl."""
import os
import subprocess


def make(folder, name, *names, is_ca=False):
    """(certificate, key) files in folder: for those names and 127.0.0.1, signed by itself, for two days."""
    crt, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    sans = ",".join(["DNS:" + n for n in names] + ["IP:127.0.0.1"])
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", crt, "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=" + sans, "-addext",
                    "basicConstraints=" + ("critical,CA:TRUE" if is_ca else "CA:FALSE")],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
    return crt, key
