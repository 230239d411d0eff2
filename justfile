# The project's commands. `just` lists them; each works without just as well.

default:
    @just --list

# All tests, none skipped (installs scim2-server and Django into target/test-venv)
test *args:
    tests/run {{args}}

# What CI runs
ci:
    .ci/run

# A company of 10,000 over 400 days, each day held against a model of its own (some minutes)
company seed="1" size="10000" days="400":
    HEADCOUNT_COMPANY={{seed}},{{size}},{{days}} cargo test --release --test integration company::a_year_and_a_month -- --nocapture

# Three hundred kills of a run that writes SCIM (with the state kept and lost) and SQLite, each resumed until nothing is left to do (many minutes)
kills number="300":
    HEADCOUNT_KILLS={{number}} cargo test --release --test integration -- faults::kill faults::sql --nocapture

# Two hundred rounds in which everything goes wrong at once, with the state in a file and in PostgreSQL (some hours)
chaos rounds="200":
    HEADCOUNT_CHAOS={{rounds}} cargo test --release --test integration -- faults::chaos --nocapture

# Generated files: CRDs and JSON Schemas
generate:
    cargo run --quiet -- crds --dir crds
    cargo run --quiet -- schema --dir schemas
    cargo run --quiet -- connector pages --dir docs/connectors

# The plan core beside its yardstick
bench:
    cargo bench --bench plan

# The picture in the README
picture:
    SNAPSHOTS=overwrite cargo test --test integration the_picture_in_the_readme
