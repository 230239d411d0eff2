//! `headcount diff --base`: two revisions out of git, one reading, and what of a hostile branch comes to nothing.

use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use super::world::{HR, applied, database};
use super::{Folder, headcount};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let settings =
        ["-c", "user.name=Test", "-c", "user.email=test@acme.example", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always"];
    let output = Command::new("git").current_dir(folder).args(settings).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn commit(folder: &Folder, words: &str) -> String {
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "--allow-empty", "-m", words]);
    git(folder.path(), &["rev-parse", "HEAD"])
}

/// A repository whose main is applied, on a branch that is as main.
fn repository() -> Folder {
    let folder = applied();
    folder.write(".gitignore", "app.db\n.headcount/\n");
    git(folder.path(), &["init", "-q", "-b", "main"]);
    commit(&folder, "main");
    git(folder.path(), &["checkout", "-q", "-b", "branch"]);
    folder
}

fn edit(folder: &Folder, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(folder.file(file)).expect("a file");
    assert!(text.contains(from), "{from}");
    folder.write(file, &text.replace(from, to));
}

/// Runs it; the exit code, stdout, stderr.
fn run(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let output = folder.run(arguments.iter().copied()).env_remove("CI").output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// The review as JSON, and the exit code.
fn review(folder: &Folder, arguments: &[&str]) -> (i32, Json) {
    let all: Vec<&str> = ["diff", "-o", "json"].iter().chain(arguments).copied().collect();
    let (code, out, told) = run(folder, &all);
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("code {code}: {out}{told}")))
}

fn listed<'j>(review: &'j Json, list: &str) -> &'j Vec<Json> {
    review.pointer(list).and_then(Json::as_array).unwrap_or_else(|| panic!("{list}: {review:#}"))
}

fn not_used(review: &Json) -> Vec<String> {
    listed(review, "/branch/notUsed").iter().filter_map(|one| Some(one.get("words")?.as_str()?.to_owned())).collect()
}

fn intent(review: &Json) -> Vec<String> {
    let word = |one: &Json, pointer: &str| one.pointer(pointer).and_then(Json::as_str).unwrap_or("-").to_owned();
    let change = |one: &Json| {
        let fields = one.get("fields").and_then(Json::as_array).into_iter().flatten().map(|field| format!(" {}", word(field, "/path")));
        format!("{} {} {}{}", word(one, "/what"), word(one, "/document/kind"), word(one, "/document/name"), fields.collect::<String>())
    };
    listed(review, "/intent").iter().map(change).collect()
}

#[test]
fn what_a_branch_does_stands_apart_from_what_is_pending() {
    let folder = repository();
    let (code, same) = review(&folder, &["--base", "main"]);
    assert_eq!((code, listed(&same, "/effect").len(), listed(&same, "/pending").len()), (0, 0, 0), "{same:#}");
    // HR goes on on main; the branch lets support in as well.
    git(folder.path(), &["checkout", "-q", "main"]);
    folder.write("hr.csv", &HR.replace("Mina Park", "Mina Parker"));
    commit(&folder, "hr");
    git(folder.path(), &["checkout", "-q", "branch"]);
    git(folder.path(), &["merge", "-q", "main"]);
    edit(
        &folder,
        "acme.yaml",
        "rule: identity.department == \"Engineering\"",
        "rule: identity.department in [\"Engineering\", \"Support\"]",
    );
    let (code, worktree) = review(&folder, &["--base", "main"]);
    assert_eq!(code, 1);
    assert_eq!(intent(&worktree), ["changed Group engineering spec.rule"]);
    let effect = listed(&worktree, "/effect");
    assert_eq!(effect.len(), 2, "{worktree:#}");
    assert!(effect.iter().all(|one| one.pointer("/causes") == Some(&serde_json::json!([0]))), "{effect:#?}");
    assert_eq!(listed(&worktree, "/pending").len(), 1, "a new name: {worktree:#}");
    assert_eq!(worktree.pointer("/branch/head/commit"), None);
    let head = commit(&folder, "branch");
    let (code, committed) = review(&folder, &["--base", "main", "--head", "HEAD", "--allow-changes", "--out", "plan.json"]);
    assert_eq!((code, committed.pointer("/branch/head/commit").and_then(Json::as_str)), (0, Some(head.as_str())));
    assert_eq!(committed.pointer("/hash"), worktree.pointer("/hash"), "a commit changes nothing of what is approved");
    let plan: Json = serde_json::from_str(&std::fs::read_to_string(folder.file("plan.json")).expect("a plan")).expect("JSON");
    assert_eq!(listed(&plan, "/changes").len(), 2, "{plan:#}");
    // In words, with the places of the repository.
    let (code, text, _) = run(&folder, &["diff", "--base", "main", "--head", "HEAD"]);
    assert_eq!(code, 1);
    assert!(text.contains("acme.yaml:45") && text.contains("HEAD ("), "{text}");
    // At the lines, and as the page of a comment.
    let views = ["-o", "github", "-o", "gitlab=quality.json", "-o", "markdown=comment.md"];
    let (_, marks, _) = run(&folder, &[&["diff", "--base", "main", "--head", "HEAD"][..], &views].concat());
    assert!(marks.starts_with("::notice file=acme.yaml,line=45,") && marks.contains("::2 people join Engineering at app"), "{marks}");
    assert_eq!(marks.lines().count(), 1, "what is pending has no mark: {marks}");
    let written = |file: &str| std::fs::read_to_string(folder.file(file)).expect("a file");
    assert!(written("quality.json").contains("headcount/joins-group"), "{}", written("quality.json"));
    assert!(written("comment.md").starts_with("<!-- headcount:diff workspace=acme-test verdict=clean -->\n"), "{}", written("comment.md"));
}

/// Main has a gate and something that it holds, and the branch takes the gate away.
fn without_gate(gate: &str, meanwhile: impl Fn(&Folder)) -> Folder {
    let folder = repository();
    git(folder.path(), &["checkout", "-q", "main"]);
    edit(&folder, "acme.yaml", "  groups: {}\n", &format!("  groups: {{}}\n  {gate}\n"));
    meanwhile(&folder);
    commit(&folder, "a gate, and what it holds");
    git(folder.path(), &["checkout", "-q", "branch"]);
    git(folder.path(), &["merge", "-q", "main"]);
    edit(&folder, "acme.yaml", &format!("  {gate}\n"), "");
    folder
}

/// What it is called, its line, what main says in its place, and what happens meanwhile.
type Gate<'g> = (&'g str, &'g str, String, &'g dyn Fn(&Folder));

#[test]
fn what_main_s_gates_hold_and_the_branch_s_do_not_is_what_the_branch_does() {
    let soon = jiff::Zoned::now().date().tomorrow().expect("a day");
    let leaves = |folder: &Folder| folder.write("hr.csv", &HR.replace("Noor Haddad,Support,", "Noor Haddad,Support,2020-01-01"));
    let taken_out = |folder: &Folder| {
        drop(database(folder).execute("DELETE FROM team_users WHERE user_id IN (SELECT id FROM users WHERE login = 'ada')", []))
    };
    let gates: [Gate<'_>; 4] = [
        ("approval", "losesSignIn", "approval: {for: [deactivate]}".into(), &leaves),
        ("windows", "losesSignIn", "windows: [{deny: {}}]".into(), &leaves),
        ("suspend", "losesSignIn", format!("suspend: {{reason: a move, until: \"{soon}\"}}"), &leaves),
        ("drift", "loosened", "drift: warn".into(), &taken_out),
    ];
    let mut names = std::collections::BTreeSet::new();
    for (field, risk, gate, meanwhile) in gates {
        let folder = without_gate(&gate, meanwhile);
        let (code, told) = review(&folder, &["--base", "main"]);
        assert_eq!((code, listed(&told, "/pending").len()), (1, 0), "{told:#}");
        let effect = listed(&told, "/effect");
        assert!(!effect.is_empty() && effect.iter().all(|one| one.pointer("/how") == Some(&"releases".into())), "{told:#}");
        assert!(listed(&told, "/risks").iter().any(|one| one.pointer("/risk") == Some(&risk.into())), "{told:#}");
        assert!(not_used(&told).iter().any(|words| words.starts_with(&format!("`{field}` of the Target `app`"))), "{told:#}");
        names.insert(told.pointer("/hash").and_then(Json::as_str).expect("a name").to_owned());
        let (code, text, _) =
            run(&folder, &["diff", "--base", "main", "-o", "text", "-o", "github=marks", "-o", "markdown=page", "-o", "html=report"]);
        assert_eq!(code, 1);
        let written = |file: &str| std::fs::read_to_string(folder.file(file)).expect("a file");
        for (view, words) in
            [(&text, "allows more than before"), (&text, "held without this branch by"), (&written("page"), "allows more than before")]
        {
            assert!(view.contains(words), "{view}");
        }
        assert!(written("marks").contains(&format!("`{field}` of the Target `app`")), "{}", written("marks"));
        assert!(written("report").contains("Held or marked less than before"), "{}", written("report"));
        let (code, _, _) = run(&folder, &["diff", "--base", "main", "--allow-changes"]);
        assert_eq!(code, 0);
    }
    assert_eq!(names.len(), 4, "each branch says something else: {names:?}");
    // Nobody is touched today, and it is told all the same.
    let folder = without_gate("approval: {for: [deactivate]}", |_| {});
    let (code, told) = review(&folder, &["--base", "main"]);
    assert_eq!((code, listed(&told, "/effect").len(), told.pointer("/verdict/level")), (1, 0, Some(&"check".into())), "{told:#}");
    let (_, text, _) = run(&folder, &["diff", "--base", "main"]);
    assert!(text.contains("Nobody is touched by it now; it allows more than before."), "{text}");
}

#[test]
fn a_rebase_leaves_a_review_its_name() {
    let folder = repository();
    edit(
        &folder,
        "acme.yaml",
        "rule: identity.department == \"Engineering\"",
        "rule: identity.department in [\"Engineering\", \"Support\"]",
    );
    commit(&folder, "the branch");
    let name = |folder: &Folder| review(folder, &["--base", "main"]).1.pointer("/hash").cloned();
    let before = name(&folder);
    git(folder.path(), &["checkout", "-q", "main"]);
    folder.write("other.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: Persona\nmetadata: {name: p}\nspec: {asOf: 2026-01-15, records: {hr: {id: '9', user: p, name: P, department: Support, end: ''}}}\n");
    commit(&folder, "main moves on");
    git(folder.path(), &["checkout", "-q", "branch"]);
    git(folder.path(), &["rebase", "-q", "main"]);
    assert_eq!(before, name(&folder));
}

#[test]
fn rows_of_a_file_in_the_repository_are_the_branch_s() {
    let folder = repository();
    folder.write("hr.csv", &format!("{HR}5,eve,Eve Stone,Support,\n"));
    let (code, review) = review(&folder, &["--base", "main"]);
    assert_eq!((code, listed(&review, "/effect").len(), listed(&review, "/pending").len()), (1, 1, 0), "{review:#}");
    assert_eq!(not_used(&review), [""; 0]);
}

#[test]
fn moved_split_and_rewritten_files_do_nothing() {
    let folder = repository();
    let text = std::fs::read_to_string(folder.file("acme.yaml")).expect("a file");
    let parts: Vec<&str> = text.split("---\n").collect();
    std::fs::remove_file(folder.file("acme.yaml")).expect("it was there");
    folder.write("groups/all.yml", parts[3]);
    folder.write("systems.yaml", &format!("# the systems\n{}---\n{}---\n{}", parts[2], parts[1], parts[0]));
    let (code, review) = review(&folder, &["--base", "main"]);
    assert_eq!(code, 0, "{review:#}");
    assert_eq!(intent(&review), ["moved Group engineering", "moved Source hr", "moved Target app", "moved Workspace acme"]);
    assert_eq!(review.pointer("/branch/base/manifestsDigest"), review.pointer("/branch/head/manifestsDigest"));
}

#[test]
fn offline_needs_nothing_but_the_repository() {
    let folder = repository();
    let persona = "---\napiVersion: headcount.dev/v1alpha1\nkind: Persona\nmetadata: {name: supporter}\nspec:\n  asOf: 2026-01-15\n  records: {hr: {id: '9', user: sam, name: Sam, department: Support}}\n";
    let text = std::fs::read_to_string(folder.file("acme.yaml")).expect("a file");
    folder.write("acme.yaml", &format!("{text}{persona}"));
    let (_, text, _) = run(&folder, &["diff", "--base", "main", "--offline"]);
    assert!(text.contains("nothing for any of the 1 personas"), "{text}");
    edit(&folder, "acme.yaml", "rule: identity.department == \"Engineering\"", "rule: identity.department != \"\"");
    let (_, text, _) = run(&folder, &["diff", "--base", "main", "--offline"]);
    assert!(text.contains("supporter: groups.app: (none) → Engineering"), "{text}");
    edit(&folder, "acme.yaml", "displayName: Engineering", "displayName: Makers");
    commit(&folder, "branch");
    let bare = tempfile::tempdir().expect("a folder");
    git(bare.path(), &["clone", "-q", "--bare", &folder.path().display().to_string(), "repo"]);
    let output = headcount(["diff", "--git-dir", "repo", "--base", "main", "--head", "branch", "--offline", "-o", "json"])
        .current_dir(bare.path())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let review: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(intent(&review), ["changed Group engineering spec.displayName spec.rule", "added Persona supporter"]);
    assert_eq!(review.pointer("/verdict/level").and_then(Json::as_str), Some("intent"));
    assert!(!bare.path().join(".headcount").exists());
}

#[test]
fn a_workspace_in_a_folder_and_a_new_one() {
    let folder = repository();
    for file in ["acme.yaml", "hr.csv"] {
        std::fs::create_dir_all(folder.file("identity")).expect("a folder");
        std::fs::rename(folder.file(file), folder.file(&format!("identity/{file}"))).expect("it is moved");
    }
    let told = run(&folder, &["diff", "--base", "main", "-f", "identity", "--offline"]);
    assert_eq!(told.0, 2, "{told:?}");
    assert!(told.2.contains("at the base main the workspace acme-test lies in `.`") && told.2.contains("-f . -f NEW"), "{}", told.2);
    let (code, both) = review(&folder, &["--base", "main", "-f", ".", "-f", "identity", "--offline"]);
    assert_eq!(code, 1);
    assert!(intent(&both).iter().all(|one| one.starts_with("moved")), "{:?}", intent(&both));
    assert!(not_used(&both).iter().any(|one| one.contains("the Target `app` is not previewed")), "its file is another one: {both:#}");
    folder.write("other/new.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: other}\nspec: {id: other}\n");
    let (code, text, _) = run(&folder, &["diff", "--base", "main", "-f", "other"]);
    assert_eq!(code, 0);
    assert!(text.contains("which does not have this workspace yet"), "{text}");
    let told = run(&folder, &["diff", "--base", "main", "-f", "nowhere"]);
    assert_eq!(told.0, 2);
    assert!(told.2.contains("has no manifest in `nowhere`"), "{}", told.2);
}

#[test]
fn missing_history_is_never_an_empty_base() {
    let folder = repository();
    commit(&folder, "branch");
    let clones = tempfile::tempdir().expect("a folder");
    git(clones.path(), &["clone", "-q", "--depth=1", "--branch=branch", &format!("file://{}", folder.path().display()), "clone"]);
    let output = headcount(["diff", "--base", "origin/main", "-o", "json=review.json"])
        .current_dir(clones.path().join("clone"))
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(
        told.contains("`origin/main` is not in this clone (depth 1)") && told.contains("git fetch --no-tags --depth=1 origin"),
        "{told}"
    );
    assert!(std::fs::read_to_string(clones.path().join("clone/review.json")).expect("it says so too").contains("is not in this clone"));
    let told = run(&folder, &["diff", "--base", "main", "-f", ".", "-f", ".."]);
    assert_eq!((told.0, told.2.contains("lies outside of the repository")), (2, true), "{}", told.2);
    let nowhere = Folder::with(&[]);
    let told = run(&nowhere, &["diff", "--base", "main"]);
    assert_eq!((told.0, told.2.contains("is in no git repository")), (2, true), "{}", told.2);
}

#[test]
fn wrong_manifests_are_told_with_the_lines_of_their_revision() {
    let folder = repository();
    edit(&folder, "acme.yaml", "rule: identity.department", "rule: identity.departmnet");
    commit(&folder, "branch");
    // What lies there now is not what is looked at.
    folder.write("acme.yaml", "nothing of this is read\n");
    let (code, out, told) = run(&folder, &["diff", "--base", "main", "--head", "HEAD"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(told.contains("identity.departmnet ==") && told.contains("acme.yaml:45"), "{told}");
}

/// What a branch may try, and what comes of it. Nothing of it is opened, run or shown.
#[test]
fn a_hostile_branch_comes_to_nothing() {
    for (name, from, to, words) in [
        ("another database", "path: app.db", "path: other.db", "the branch changes the connection of `app`"),
        ("a file outside", "path: hr.csv", "path: ../../../../etc/passwd", "leads out of the workspace"),
        (
            "a file outside that the branch allows",
            "spec: {id: acme-test}",
            "spec: {id: acme-test, allowedDirectories: [/etc], tables: {t: {file: {path: /etc/passwd, key: a, value: b}}}}",
            "for a branch no other file of this machine is opened",
        ),
        ("the state as data", "path: hr.csv", "path: .headcount/state.db", "the branch has no such file"),
        (
            "no limit",
            "deactivate: {count: 1, percent: 0}",
            "deactivate: {count: 500}",
            "the limit `deactivate` of the Target `app` goes from 1 or 0 % to 500",
        ),
        (
            "everything is ours",
            "  groups: {}\n",
            "  groups: {}\n  ownership: authoritative\n",
            "`ownership` of the Target `app` goes from owned to authoritative",
        ),
    ] {
        let folder = repository();
        folder.write("other.db", "");
        edit(&folder, "acme.yaml", from, to);
        commit(&folder, name);
        let (code, out, told) = run(&folder, &["diff", "--base", "main", "--head", "HEAD"]);
        assert!(out.contains(words) || told.contains(words), "{name}: code {code}\n{out}\n{told}");
        assert!(!out.contains("root:") && !told.contains("root:"), "{name}: {out}{told}");
        assert!(!folder.file("ran").exists(), "{name}");
    }
}

#[test]
fn a_branch_runs_no_command_and_reaches_no_host() {
    let folder = repository();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it does not wait");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let text = std::fs::read_to_string(folder.file("acme.yaml")).expect("a file");
    let target = format!(
        "---\napiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: evil}}\nspec:\n  connection: {{scim: {{url: '{url}', allowPlainHttp: true, auth: {{bearer: {{exec: [touch, ran]}}}}}}}}\n---\n\
         apiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: reads}}\nspec:\n  connection: {{scim: {{url: '{url}/other', allowPlainHttp: true, auth: {{bearer: {{file: ../../../../etc/passwd}}}}}}}}\n---\n\
         apiVersion: headcount.dev/v1alpha1\nkind: Connector\nmetadata: {{name: own}}\nspec: {{title: Own, hosts: [evil.example], base: 'https://evil.example', auth: {{}}, scim: {{}}}}\n"
    );
    folder.write("acme.yaml", &format!("{text}{target}"));
    commit(&folder, "evil");
    let (code, review) = review(&folder, &["--base", "main", "--head", "HEAD"]);
    assert_eq!(code, 1, "what is not previewed is to be checked: {review:#}");
    for name in ["evil", "reads"] {
        let words = format!("the Target `{name}` is not previewed: the branch brings it");
        assert!(not_used(&review).iter().any(|one| one.contains(&words)), "{name}: {review:#}");
    }
    assert!(!review.to_string().contains("root:"), "{review:#}");
    assert_eq!(listed(&review, "/effect").len(), 0);
    assert!(!folder.file("ran").exists() && listener.accept().is_err(), "nothing was asked");
}

/// Markdown, HTML and what a terminal obeys, in whatever a branch names: people, titles, groups, documents.
#[test]
fn names_and_titles_of_a_branch_steer_no_view() {
    let folder = repository();
    const HOSTILE: &str = "</summary><script>alert(1)</script><img src=x onerror=alert(1)> @everyone ![x](https://evil.example/p.png)";
    let quoted = HOSTILE.replace('"', "\"\"");
    let rows = std::fs::read_to_string(folder.file("hr.csv")).expect("a file");
    let esc = "\u{1b}[2J\u{1b}[31mroot\u{202e}";
    folder.write("hr.csv", &format!("{rows}901,eve.evil,\"{quoted}\",Support,\n902,mallory,{esc},Engineering,\n"));
    let text = std::fs::read_to_string(folder.file("acme.yaml")).expect("a file");
    let group = format!(
        "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: evil}}\nspec: {{displayName: '{HOSTILE}', rule: 'identity.department == \"Support\"'}}\n\
         ---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: worse}}\nspec: {{displayName: \"a\\e[2J\\u202Eb\", rule: 'identity.department == \"Support\"'}}\n"
    );
    folder.write("acme.yaml", &format!("{text}{group}"));
    commit(&folder, HOSTILE);
    let views = ["-o", "markdown=comment.md", "-o", "html=report.html", "-o", "github"];
    let (code, out, told) = run(&folder, &[&["diff", "--base", "main", "--head", "HEAD"], &views[..]].concat());
    assert!(folder.file("comment.md").exists() && folder.file("report.html").exists(), "code {code}: {out}{told}");
    let (_, shown, _) = run(&folder, &["diff", "--base", "main", "--head", "HEAD"]);
    let comment = std::fs::read_to_string(folder.file("comment.md")).expect("a comment");
    let report = std::fs::read_to_string(folder.file("report.html")).expect("a report");
    for (view, text) in [("annotations", &out), ("terminal", &shown), ("messages", &told), ("comment", &comment), ("report", &report)] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{view}: {text:?}");
    }
    assert!(comment.contains("everyone") && report.contains("everyone"), "the group is named: {comment}");
    assert!(!report.contains("<script>alert") && !report.contains("<img src=x"), "{report}");
    // Outside of code nothing is markup, nobody is called, and no picture is loaded.
    let bare: Vec<&str> = comment.split("```").step_by(2).flat_map(|prose| prose.split('`').step_by(2)).collect();
    for armed in ["<script", "<img", "@everyone", "![x]"] {
        assert!(!bare.iter().any(|prose| prose.contains(armed)), "{armed}: {comment}");
    }
}

#[cfg(unix)]
#[test]
fn links_large_files_and_bombs_are_refused_by_name() {
    let folder = repository();
    std::os::unix::fs::symlink("/etc/passwd", folder.file("passwd.yaml")).expect("a link");
    let large = std::fs::File::create(folder.file("large.yaml")).expect("a file");
    large.set_len(1 << 30).expect("it is sparse");
    let level = |at: u8| {
        format!(
            "  {}: &{} [{}]\n",
            char::from(b'a' + at),
            char::from(b'a' + at),
            vec![format!("*{}", char::from(b'a' + at - 1)); 9].join(", ")
        )
    };
    let bomb: String = (1..9).map(level).collect();
    folder.write("bomb.yaml", &format!("apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {{name: x}}\nspec:\n  attributes:\n    title: x\n  labels:\n  a: &a [lol]\n{bomb}"));
    let told = run(&folder, &["diff", "--base", "main"]);
    assert_eq!(told.0, 2, "{told:?}");
    for words in ["`passwd.yaml` is a symbolic link, and links are not followed", "`large.yaml` is larger than 2 MiB", "bomb.yaml"] {
        assert!(told.2.contains(words), "{words}: {}", told.2);
    }
    assert!(!told.2.contains("root:"), "{}", told.2);
}

#[test]
fn the_state_of_the_branch_is_no_state() {
    let folder = repository();
    let state = std::fs::read(folder.file(".headcount/state.db")).expect("a state");
    std::fs::write(folder.file(".headcount/state.db"), state).expect("it is written");
    git(folder.path(), &["add", "-f", ".headcount/state.db"]);
    commit(&folder, "a state of one's own");
    let told = run(&folder, &["diff", "--base", "main", "--head", "HEAD"]);
    assert_eq!(told.0, 5, "{told:?}");
    assert!(told.2.contains("the base does not have it, and what lies there is the branch's"), "{}", told.2);
}
