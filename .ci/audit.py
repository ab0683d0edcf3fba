"""Asks for known vulnerabilities of the pinned packages; for CI.

    .venv/bin/python .ci/audit.py requirements.txt requirements-serving.txt

Exits with 1 if there are any. Where the service cannot be asked, or does not know a
package, it says SKIPPED with the reason and exits with 0: that is no pass.
"""

import json
import subprocess
import sys


def report(answer: str, errors: str = "") -> tuple[str, int]:
    """What to print and the exit code, from what pip-audit prints."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        reason = errors.strip().rpartition("\n")[2]
        if any(word in errors for word in ("onnection", "imeout", "imed out")):
            return f"dependency audit SKIPPED: no answer ({reason})", 0
        return f"dependency audit FAILED to run: {reason}", 1
    bad = [
        f"  {p['name']} {p['version']}: {', '.join(v['id'] for v in p['vulns'])}"
        for p in packages
        if p.get("vulns")
    ]
    asked = [p for p in packages if "skip_reason" not in p]
    if bad:
        return "\n".join(["dependency audit FAILED:", *bad]), 1
    if len(asked) < len(packages) or not packages:
        skipped = [p["skip_reason"] for p in packages if "skip_reason" in p]
        reason = skipped[0] if skipped else "no package was named"
        return (
            f"dependency audit SKIPPED for {len(skipped)} of {len(packages)} packages: "
            f"{reason}",
            0,
        )
    return f"dependency audit passed: {len(asked)} packages", 0


def main(files):
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip"]
    command += ["--format=json", "--progress-spinner=off", "--timeout=10"]
    command += [part for file in files for part in ("-r", file)]
    done = subprocess.run(command, capture_output=True, text=True)
    text, code = report(done.stdout, done.stderr)
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
