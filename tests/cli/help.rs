//! The help, pinned: it is what people and scripts rely on.

use snapbox::str;

use super::{Folder, headcount};

#[test]
fn the_commands() {
    headcount(["-h"])
        .assert()
        .success()
        .stdout_eq(str![[r#"
GitOps for user provisioning: declare users, groups and mapping rules in YAML; see the difference;
apply it

Usage: headcount [OPTIONS] <COMMAND>

Commands:
  init         Write a workspace to start from
  validate     Check everything that can be checked without reaching a system
  test         Check what sample people get: that each Persona's records yield exactly what it
               expects
  plan         Read the live systems and show what would change
  diff         Like plan, but exit with 1 where something differs; with --base: what a branch does
               to people
  comment      Post or update the one comment of a pull request or merge request
  apply        Run a saved plan, or plan, ask and run
  get          Read the live systems and list people, accounts, groups or targets: who has what
  explain      Show where each attribute, group and account of an identity comes from
  revoke       Cut identities off everywhere, now, whatever the sources say
  controller   Keep everything as declared, until it is stopped: read each system when it is due,
               and do what is needed as soon as it may be done
  operator     Keep the workspaces of a Kubernetes cluster as their objects say, until it is stopped
  status       Show how a running workspace stands: what needs somebody, and each system
  sync         Ask the controller to read now, and to do what is needed
  pause        Stop all writing, at every target, until somebody resumes it
  resume       Let writing go on that was stopped by `pause`
  approve      Approve a plan that waits, or reject it; without a hash: list those that wait
  history      Show past runs from the journal, or what became of somebody
  drift        Show what others changed at targets since the last run
  erase        Forget somebody who is gone, in the state and in the journal
  import       Write manifests for what exists at a target
  fmt          Tidy manifests: indents, blanks and quotes; what they say and every comment stay
  state        Show, copy and move the state: what headcount remembers between runs
  token        Make, list and end tokens: of the API that a controller answers, and of systems that
               push
  connector    Show the connectors, what they read, write and need; test those that documents
               describe
  schema       Print the JSON Schemas of the manifests and of the plan
  crds         Print the Kubernetes CustomResourceDefinitions
  completions  Print a completion script for a shell
  man          Print a manual page, or write all of them to a directory
  version      Print the version, and the versions of the forms that it reads and writes
  help         Print this message or the help of the given subcommand(s)

Options:
      --color <WHEN>  When to use colours; auto: on a terminal, unless NO_COLOR is set [default:
                      auto] [possible values: auto, always, never]
  -v, --verbose...    Log each request, retry and pause to stderr; -vv: also SQL statements, files
                      and where secrets came from
      --log <FORMAT>  How to write the log: lines for people, or one JSON object a line. Alone it
                      means -v [possible values: text, json]
  -q, --quiet         Print only errors and the result: no progress, no notes, no warnings
  -h, --help          Print help
  -V, --version       Print version

Exit codes:
  0  done, nothing left
  1  an error; for `diff`: there are differences
  2  wrong usage; with --detailed-exitcode: a plan with changes
  3  something is held: by a guardrail, an approval, a window, a suspension or the brake
  4  partly applied
  5  the plan is stale, or something could not be read or decided
  6  a branch brings something that can't be decided

"#]])
        .stderr_eq(str![]);
}

#[test]
fn test() {
    headcount(["test", "-h"]).assert().success().stdout_eq(str![[r#"
Check what sample people get: that each Persona's records yield exactly what it expects

Usage: headcount test [OPTIONS]

Options:
  -f, --file <PATH>             A file or directory of manifests, or - for stdin; repeatable
                                [default: the current directory]
  -l, --select <PATTERN>        Only personas of this name, * standing for anything; repeatable
      --update                  Rewrite the `expect` of personas that did not pass, in place
      --strict                  Fail also where some rule is exercised by no persona
  -o, --output <FORMAT[=FILE]>  How to show it: text, json or junit; FORMAT=FILE writes it to a
                                file; repeatable [default: text]
      --color <WHEN>            When to use colours; auto: on a terminal, unless NO_COLOR is set
                                [default: auto] [possible values: auto, always, never]
  -v, --verbose...              Log each request, retry and pause to stderr; -vv: also SQL
                                statements, files and where secrets came from
      --log <FORMAT>            How to write the log: lines for people, or one JSON object a line.
                                Alone it means -v [possible values: text, json]
  -q, --quiet                   Print only errors and the result: no progress, no notes, no warnings
  -h, --help                    Print help

Examples:
  headcount test -f acme/                          all personas
  headcount test --update                          write down what comes of each, in the manifests
  headcount test -o text -o junit=personas.xml     for people and for CI

Exit codes: 0 all passed; 1 one did not, or a manifest is wrong; 2 wrong usage, or no persona to
test

"#]]);
}

#[test]
fn plan() {
    headcount(["plan", "-h"]).assert().success().stdout_eq(str![[r#"
Read the live systems and show what would change

Usage: headcount plan [OPTIONS]

Options:
  -f, --file <PATH>             A file or directory of manifests, or - for stdin; repeatable
                                [default: the current directory]
      --target <NAME>           Only changes at this target; repeatable. Filters the finished plan,
                                never what is read
      --select <PATTERN>        Only changes of these accounts and groups, by name or key, *
                                standing for anything; repeatable
  -o, --output <FORMAT[=FILE]>  How to show it: text, json, ndjson, markdown (a comment), html (a
                                browser), review (json), github (annotations) or gitlab (code
                                quality); FORMAT=FILE writes it to a file; repeatable [default:
                                text]
      --full                    Show every change by itself; without it more than ten that say the
                                same are counted
      --redact <LEVEL>          Leave out of every view: values (each only as changed), or
                                identities (people under other names); full leaves out nothing.
                                Unsaid it is identities in a job of a public repository, and full
                                elsewhere. The saved plan has everything [possible values: full,
                                values, identities]
      --out <FILE>              Save the plan, to be applied later
      --as-of <DATE>            Plan for this day (YYYY-MM-DD). Such a plan can't be applied
      --due-days <N>            How many days ahead to tell what falls due: joiners, leavers,
                                expiries. 0: nothing [default: 14]
      --detailed-exitcode       Exit with 2 where the plan has changes
      --first-run               In CI: there is no state yet, and that is right
      --unclaimed               List the accounts and groups that nobody claims instead, each with
                                the line that adopts it
      --requests                List the requests that the plan leads to instead, without secrets;
                                nothing is changed by it
      --color <WHEN>            When to use colours; auto: on a terminal, unless NO_COLOR is set
                                [default: auto] [possible values: auto, always, never]
  -v, --verbose...              Log each request, retry and pause to stderr; -vv: also SQL
                                statements, files and where secrets came from
      --log <FORMAT>            How to write the log: lines for people, or one JSON object a line.
                                Alone it means -v [possible values: text, json]
  -q, --quiet                   Print only errors and the result: no progress, no notes, no warnings
  -h, --help                    Print help (see more with '--help')

Examples:
  headcount plan -f acme/                          show it
  headcount plan -o markdown=comment.md --out plan.json
  headcount apply plan.json                        run just what was reviewed

"#]]);
}

#[test]
fn apply() {
    headcount(["apply", "-h"]).assert().success().stdout_eq(str![[r#"
Run a saved plan, or plan, ask and run

Usage: headcount apply [OPTIONS] [PLAN]

Arguments:
  [PLAN]  A plan that `headcount plan --out` saved [default: plan now, show it and ask]

Options:
  -f, --file <PATH>       A file or directory of manifests, or - for stdin; repeatable [default: the
                          current directory]
      --target <NAME>     Only changes at this target; repeatable. Filters the finished plan, never
                          what is read
      --select <PATTERN>  Only changes of these accounts and groups, by name or key, * standing for
                          anything; repeatable
      --auto-approve      Don't ask. Without a terminal this is needed, or a saved plan
      --first-run         In CI: there is no state yet, and that is right
      --exact             Run nothing where the saved plan is not exactly what is needed now
      --expect <HASH>     Run nothing where the saved plan's hash is another: that of the plan that
                          was approved, whole or its first 16 digits
      --ignore-window     Change Targets also while their windows are closed
      --full              Show every change by itself; without it more than ten that say the same
                          are counted
  -o, --output <FORMAT>   How to tell the outcome [default: text] [possible values: text, json]
      --redact <LEVEL>    Leave out of every view: values (each only as changed), or identities
                          (people under other names); full leaves out nothing. Unsaid it is
                          identities in a job of a public repository, and full elsewhere. The saved
                          plan has everything [possible values: full, values, identities]
      --color <WHEN>      When to use colours; auto: on a terminal, unless NO_COLOR is set [default:
                          auto] [possible values: auto, always, never]
  -v, --verbose...        Log each request, retry and pause to stderr; -vv: also SQL statements,
                          files and where secrets came from
      --log <FORMAT>      How to write the log: lines for people, or one JSON object a line. Alone
                          it means -v [possible values: text, json]
  -q, --quiet             Print only errors and the result: no progress, no notes, no warnings
  -h, --help              Print help (see more with '--help')

A saved plan is compared with the world as it is now: what was reviewed and is still needed runs;
what is new is listed, does not run, and the exit code is 5. It knows the --target and --select
that it was saved with.

"#]]);
}

#[test]
fn diff() {
    headcount(["diff", "-h"]).assert().success().stdout_eq(str![[r#"
Like plan, but exit with 1 where something differs; with --base: what a branch does to people

Usage: headcount diff [OPTIONS]

Options:
  -f, --file <PATH>             A file or directory of manifests, or - for stdin; repeatable
                                [default: the current directory]
      --target <NAME>           Only changes at this target; repeatable. Filters the finished plan,
                                never what is read
      --select <PATTERN>        Only changes of these accounts and groups, by name or key, *
                                standing for anything; repeatable
  -o, --output <FORMAT[=FILE]>  How to show it: text, json, ndjson, markdown (a comment), html (a
                                browser), review (json), github (annotations) or gitlab (code
                                quality); FORMAT=FILE writes it to a file; repeatable [default:
                                text]
      --full                    Show every change by itself; without it more than ten that say the
                                same are counted
      --redact <LEVEL>          Leave out of every view: values (each only as changed), or
                                identities (people under other names); full leaves out nothing.
                                Unsaid it is identities in a job of a public repository, and full
                                elsewhere. The saved plan has everything [possible values: full,
                                values, identities]
      --color <WHEN>            When to use colours; auto: on a terminal, unless NO_COLOR is set
                                [default: auto] [possible values: auto, always, never]
  -v, --verbose...              Log each request, retry and pause to stderr; -vv: also SQL
                                statements, files and where secrets came from
      --log <FORMAT>            How to write the log: lines for people, or one JSON object a line.
                                Alone it means -v [possible values: text, json]
  -q, --quiet                   Print only errors and the result: no progress, no notes, no warnings
  -h, --help                    Print help (see more with '--help')

What a branch does:
      --base <REV>     Show what the branch changes against this revision, apart from what is
                       pending anyway. Counts from where the branch forked off
      --base-exact     Take --base itself, and not where the branch forked off
      --head <REV>     The branch: a revision, or `worktree` for what lies here with what git does
                       not ignore [default: worktree; in CI: HEAD]
      --git-dir <DIR>  A repository without a working tree; what manifests name beside it counts
                       from the current directory
      --offline        Only what the manifests say differently: no system, no secret, no state and
                       no network
      --out <FILE>     Save the branch's plan, to be applied later
      --allow-changes  Exit with 0 where there are changes, as long as nothing is refused, missing
                       or undecided

Examples:
  headcount diff                                   exit with 1 where something differs
  headcount diff --base origin/main                what this branch does
  headcount diff --base origin/main --offline      what the manifests say differently

Exit codes: 0 nothing changes; 1 something does (with --allow-changes: 0); 2 wrong usage or (with
--base) manifests; 3 a guardrail refused; 5 incomplete, or history is missing; 6 not decided

"#]]);
}

#[test]
fn history() {
    headcount(["history", "-h"]).assert().success().stdout_eq(str![[r#"
Show past runs from the journal, or what became of somebody

Usage: headcount history [OPTIONS] [RUN|KEY]

Arguments:
  [RUN|KEY]  A run (its name, or how it begins) in full, or a key (hr/10023, user/jane, group/ops):
             its changes [default: a table of all runs]

Options:
  -f, --file <PATH>      A file or directory of manifests, or - for stdin; repeatable [default: the
                         current directory]
      --verify           Walk the hash chain: say whether every entry is as it was written
      --who <NAME>       Each change of this person, by any key or name that the journal knows: a
                         user name, a word of it, an e-mail address
      --target <NAME>    Each change at this target
      --since <TIME>     Not before: a day (YYYY-MM-DD), a time (RFC 3339), or how long ago (12h,
                         7d)
      --until <TIME>     Not after; of a day, its end
  -o, --output <FORMAT>  How to show it; ndjson writes every entry with its hash [default: text]
                         [possible values: text, json, ndjson]
      --color <WHEN>     When to use colours; auto: on a terminal, unless NO_COLOR is set [default:
                         auto] [possible values: auto, always, never]
  -v, --verbose...       Log each request, retry and pause to stderr; -vv: also SQL statements,
                         files and where secrets came from
      --log <FORMAT>     How to write the log: lines for people, or one JSON object a line. Alone it
                         means -v [possible values: text, json]
  -q, --quiet            Print only errors and the result: no progress, no notes, no warnings
  -h, --help             Print help

Examples:
  headcount history                                all runs
  headcount history 20261122T0800                  one run in full
  headcount history --who jane                     each change of one person, with its reason
  headcount history --target chat --since 7d       each change at a target

"#]]);
}

#[test]
fn a_connector_is_shown_no_wider_than_the_terminal() {
    let output = headcount(["connector", "show", "scim"]).env("COLUMNS", "80").output().expect("it runs");
    let words = String::from_utf8(output.stdout).expect("text");
    let wide: Vec<&str> = words.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty() && words.contains("\n                  500 at most"), "{wide:?} in {words}");
}

#[test]
fn no_command_is_a_usage_error() {
    headcount([]).assert().code(2).stdout_eq(str![]);
    headcount(["paln"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: unrecognized subcommand 'paln'

  tip: some similar subcommands exist: 'man', 'plan'

Usage: headcount [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
}

#[test]
fn explain() {
    headcount(["explain", "-h"]).assert().success().stdout_eq(str![[r#"
Show where each attribute, group and account of an identity comes from

Usage: headcount explain [OPTIONS] <IDENTITY>

Arguments:
  <IDENTITY>  A key (hr/10023, user/jane, group/sre), a record's key, a user name, an e-mail address
              or a Group's name; account/TARGET/NAME-OR-ID: whatever account that is

Options:
  -f, --file <PATH>      A file or directory of manifests, or - for stdin; repeatable [default: the
                         current directory]
      --target <NAME>    Only this target
      --as-of <DATE>     As of this day (YYYY-MM-DD)
      --trace            Show also what the parts of each expression came to
  -o, --output <FORMAT>  How to show it [default: text] [possible values: text, json]
      --redact <LEVEL>   Leave out of every view: values (each only as changed), or identities
                         (people under other names); full leaves out nothing. Unsaid it is
                         identities in a job of a public repository, and full elsewhere. The saved
                         plan has everything [possible values: full, values, identities]
      --color <WHEN>     When to use colours; auto: on a terminal, unless NO_COLOR is set [default:
                         auto] [possible values: auto, always, never]
  -v, --verbose...       Log each request, retry and pause to stderr; -vv: also SQL statements,
                         files and where secrets came from
      --log <FORMAT>     How to write the log: lines for people, or one JSON object a line. Alone it
                         means -v [possible values: text, json]
  -q, --quiet            Print only errors and the result: no progress, no notes, no warnings
  -h, --help             Print help (see more with '--help')

Examples:
  headcount explain jane.doe --target chat
  headcount explain group/sre
  headcount explain account/chat/jdoe              whose it is, and what adopts it if it is nobody's

"#]]);
}

#[test]
fn colours_go_where_somebody_wants_them() {
    let folder = Folder::with(&[("bad.yaml", "kind: [")]);
    let colours = |arguments: &[&str], variables: &[(&str, &str)]| {
        let command = variables.iter().fold(folder.run(arguments.iter().copied()), |command, (name, value)| command.env(name, value));
        let output = command.output().expect("headcount runs");
        output.stderr.contains(&0x1b)
    };
    assert!(!colours(&["validate"], &[]), "a pipe");
    assert!(colours(&["validate"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colours(&["validate"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(colours(&["validate", "--color", "always"], &[("NO_COLOR", "1")]), "what was said aloud");
    assert!(!colours(&["validate", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}
