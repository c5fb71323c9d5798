#!/usr/bin/env bash
# The work of a rehearsal, written by hand with uv: each independent part in the background, nothing checked twice.
# Usage: by_hand.sh PROJECT WORK PYTHON-VERSION...   (build, twine and pypi-server come from the PATH)
set -euo pipefail
project=$1 work=$2
shift 2
pythons=("$@")
export UV_PYTHON_DOWNLOADS=never

environment() { # name python requirement...
    local place=$work/$1 python=$2
    shift 2
    uv venv --quiet --python "$python" "$place"
    uv pip install --quiet --python "$place" "$@"
}

lint() {
    environment lint "${pythons[0]}" ruff
    "$work/lint/bin/ruff" check
}

typecheck() {
    environment typecheck "${pythons[0]}" mypy -e .
    "$work/typecheck/bin/mypy" src/sample
}

tests() {
    environment "tests-$1" "$1" pytest coverage -e .
    COVERAGE_FILE=$work/data.$1 "$work/tests-$1/bin/coverage" run --source=src/sample -m pytest --quiet
}

coverage_report() {
    environment coverage "${pythons[0]}" coverage
    "$work/coverage/bin/coverage" combine --quiet --data-file="$work/combined" "$work"/data.*
    "$work/coverage/bin/coverage" report --data-file="$work/combined"
}

build() {
    uv build --quiet --out-dir "$work/dist"
    python -m twine check --strict "$work"/dist/*.whl "$work"/dist/*.tar.gz
}

verify() { # python file
    local place=$work/verify-$1-${2##*.}
    uv venv --quiet --python "$1" "$place"
    uv pip install --quiet --python "$place" "$2"
    uv pip check --quiet --python "$place"
    "$place/bin/python" -c 'import sample.cli'
    "$place/bin/sample"
}

upload() {
    mkdir "$work/index"
    local port=$((20000 + RANDOM % 20000))
    pypi-server run -i 127.0.0.1 -p "$port" -P . -a . "$work/index" 2>"$work/index.log" &
    server=$!
    trap 'kill "$server"' EXIT
    until curl --silent --output /dev/null "http://127.0.0.1:$port/"; do sleep 0.05; done
    TWINE_USERNAME=x TWINE_PASSWORD=x python -m twine upload --non-interactive --disable-progress-bar \
        --repository-url "http://127.0.0.1:$port/" "$work"/dist/*.whl "$work"/dist/*.tar.gz
    uv venv --quiet --python "${pythons[0]}" "$work/installed"
    uv pip install --quiet --python "$work/installed" --index "http://127.0.0.1:$port/simple/" sample
    "$work/installed/bin/sample"
}

release() {
    build
    local jobs=() python file
    for python in "${pythons[@]}"; do
        for file in "$work"/dist/*.whl "$work"/dist/*.tar.gz; do
            verify "$python" "$file" &
            jobs+=($!)
        done
    done
    (upload) &
    jobs+=($!)
    for job in "${jobs[@]}"; do wait "$job"; done
}

measured() {
    local jobs=() python
    for python in "${pythons[@]}"; do
        tests "$python" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job"; done
    coverage_report
}

git clone --quiet "$project" "$work/stage"
cd "$work/stage"
jobs=()
for part in lint typecheck measured release; do
    ($part >"$work/$part.log" 2>&1 || { cat "$work/$part.log" && exit 1; }) &
    jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done
