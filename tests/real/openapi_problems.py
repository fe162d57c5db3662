"""Hold requests against an OpenAPI description: `python openapi_problems.py DESCRIPTION < requests.jsonl`.

Runs in the virtual environment that has openapi-core, and prints one JSON value a line: the problem, or null.
"""

from __future__ import annotations

import json
import sys

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

HOST = "https://api.github.com"


def main() -> None:
    """Read requests from standard input, and print what is wrong with each."""
    api = OpenAPI.from_file_path(sys.argv[1], config=Config(spec_validator_cls=None))
    for line in sys.stdin:
        asked = json.loads(line)
        data = json.dumps(asked["body"]).encode() if asked["body"] is not None else None
        request = MockRequest(HOST, asked["method"].lower(), asked["path"], args=asked["query"], data=data)
        try:
            api.validate_request(request)
        except OpenAPIError as error:
            problem = json.dumps(f"{error}: {error.__cause__}")
        else:
            problem = "null"
        sys.stdout.write(f"{problem}\n")


if __name__ == "__main__":
    main()
