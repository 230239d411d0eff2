# The project's commands. `just` lists them; each works without just as well.

default:
    @just --list

# All tests, none skipped (installs scim2-server and Django into target/test-venv)
test *args:
    tests/run {{args}}

# What CI runs
ci:
    .ci/run

# Generated files: CRDs and JSON Schemas
generate:
    cargo run --quiet -- crds --dir crds
    cargo run --quiet -- schema --dir crds/schema

# The plan core beside its yardstick
bench:
    cargo bench --bench plan

# The picture in the README
picture:
    SNAPSHOTS=overwrite cargo test --test integration the_picture_in_the_readme
