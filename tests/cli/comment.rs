//! `headcount comment` against a host on this machine that is held to the published APIs: one comment, ours, written anew in place.

use snapbox::cmd::{Command, OutputAssert};

use super::Folder;
use crate::support::forge::{Forge, ME, Speaks, Trouble};

const MARKER: &str = "<!-- headcount:diff workspace=acme verdict=check -->";

fn page(words: &str) -> String {
    format!("{MARKER}\n### headcount · `acme`: {words}\n\nMore of it.\n")
}

fn own(words: &str) -> (&'static str, String) {
    (ME, page(words))
}

fn others(count: usize) -> impl Iterator<Item = (&'static str, String)> {
    (0..count).map(|at| ("jane", format!("comment {at}")))
}

/// The command in a run of this host.
fn at<'a>(forge: &Forge, folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = folder.run(["comment", "comment.md"].into_iter().chain(arguments));
    for name in [
        "GITHUB_TOKEN",
        "GITHUB_REPOSITORY",
        "GITHUB_EVENT_PATH",
        "GITHUB_REF",
        "GITHUB_API_URL",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_RUN_ID",
        "HEADCOUNT_GITLAB_TOKEN",
        "CI_API_V4_URL",
        "CI_PROJECT_ID",
        "CI_MERGE_REQUEST_IID",
        "CI_MERGE_REQUEST_PROJECT_ID",
        "CI_JOB_URL",
    ] {
        command = command.env_remove(name);
    }
    command
        .env("GITHUB_TOKEN", "t0ken")
        .env("GITHUB_REPOSITORY", "acme/identity")
        .env("GITHUB_API_URL", &forge.url)
        .env("GITHUB_REF", "refs/pull/7/merge")
}

fn at_gitlab<'a>(forge: &Forge, folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    at(forge, folder, arguments)
        .env_remove("GITHUB_REPOSITORY")
        .env("HEADCOUNT_GITLAB_TOKEN", "t0ken")
        .env("CI_API_V4_URL", &forge.url)
        .env("CI_PROJECT_ID", "12")
        .env("CI_COMMIT_SHA", "c0ffee")
        .env("CI_MERGE_REQUEST_IID", "7")
        .env("CI_MERGE_REQUEST_PROJECT_URL", "https://gitlab.example/acme/identity")
}

fn with(words: &str) -> Folder {
    Folder::with(&[("comment.md", &page(words))])
}

fn said(asserted: OutputAssert) -> String {
    let output = asserted.get_output().clone();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn one_comment_is_posted_and_then_written_anew_in_place() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    let folder = with("3 changes");
    let told = said(at(&forge, &folder, []).assert().success());
    assert_eq!(told, "Comment posted: https://github.example/acme/identity/pull/7#issuecomment-1\n");
    assert_eq!(forge.verbs(), "GET POST");
    // The same text: whoever follows the request hears nothing.
    let told = said(at(&forge, &folder, []).assert().success());
    assert!(told.starts_with("Comment left as it is, it says the same: "), "{told}");
    assert_eq!(forge.verbs(), "GET POST", "who the token is was asked for, and nothing was written");
    // What came of it is another thing now; it is the same comment.
    folder.write("comment.md", &page("4 changes").replace("check", "blocked"));
    assert!(said(at(&forge, &folder, []).assert().success()).starts_with("Comment updated: "));
    assert_eq!(forge.verbs(), "GET POST PATCH");
    let state = forge.state();
    assert_eq!(state.comments.len(), 1);
    assert!(state.comments[0].text.contains("4 changes") && state.comments[0].text.contains("verdict=blocked"));
}

#[test]
fn ours_is_found_on_the_second_page_and_nobody_elses_is_touched() {
    let mut comments: Vec<_> = others(120).collect();
    comments[3] = ("mallory", page("all is well"));
    comments[4] = (ME, page("3 changes").replace("workspace=acme", "workspace=acme-eu"));
    comments[110] = own("2 changes");
    let forge = Forge::with(Speaks::GitHub, "/api/v3", &comments);
    let folder = with("3 changes");
    assert!(said(at(&forge, &folder, []).assert().success()).contains("#issuecomment-111"));
    assert_eq!(forge.verbs(), "GET POST GET PATCH");
    let state = forge.state();
    let changed: Vec<u64> = state.comments.iter().zip(&comments).filter(|(now, was)| now.text != was.1).map(|(now, _)| now.id).collect();
    assert_eq!((changed, state.comments.len()), (vec![111], 120));
}

#[test]
fn a_comment_that_was_deleted_meanwhile_is_posted_anew() {
    let forge = Forge::with(Speaks::GitHub, "", &[own("2 changes")]);
    forge.state().vanishes = Some(1);
    assert!(said(at(&forge, &with("3 changes"), []).assert().success()).starts_with("Comment posted: "));
    assert_eq!(forge.verbs(), "GET POST PATCH GET POST");
    assert_eq!(forge.state().comments.len(), 1);
}

#[test]
fn an_answer_that_was_lost_makes_no_second_comment() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    forge.state().trouble.push(Trouble { verb: "POST", status: 502, headers: "", body: "<html>", done: true });
    let told = said(at(&forge, &with("3 changes"), []).assert().success());
    assert!(told.starts_with("Comment left as it is"), "{told}");
    assert_eq!(forge.state().comments.len(), 1);
}

#[test]
fn a_right_that_is_missing_is_named_and_the_summary_is_there_all_the_same() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    let refusal = r#"{"message":"Resource not accessible by integration"}"#;
    forge.state().trouble.push(Trouble {
        verb: "POST",
        status: 403,
        headers: "x-accepted-github-permissions: issues=write; pull_requests=write\r\n",
        body: refusal,
        done: false,
    });
    let folder = with("3 changes");
    let summary = folder.file("summary.md");
    let told = said(at(&forge, &folder, []).env("GITHUB_STEP_SUMMARY", &summary).assert().code(1));
    for words in [
        "can't comment on acme/identity#7: the token may not (Resource not accessible",
        "pull-requests: write",
        "pull_requests=write",
        "fork",
    ] {
        assert!(told.replace('\n', " ").contains(words), "{words}: {told}");
    }
    assert!(std::fs::read_to_string(&summary).expect("a summary").contains("3 changes"));
    for (verb, option, right) in [("POST", "--status", "statuses: write"), ("POST", "--check", "checks: write")] {
        let forge = Forge::with(Speaks::GitHub, "", &[own("3 changes")]);
        forge.state().trouble.extend([
            Trouble { verb, status: 200, headers: "", body: r#"{"data":{"viewer":{"login":"github-actions[bot]"}}}"#, done: false },
            Trouble { verb, status: 403, headers: "", body: refusal, done: false },
        ]);
        assert!(said(at(&forge, &folder, [option]).assert().code(1)).contains(right), "{option}");
    }
}

#[test]
fn what_is_not_there_or_not_shown_is_told_as_that() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    forge.state().trouble.push(Trouble { verb: "GET", status: 404, headers: "", body: r#"{"message":"Not Found"}"#, done: false });
    let told = said(at(&forge, &with("3 changes"), []).assert().code(1));
    assert!(
        told.contains("can't read the comments of acme/identity#7") && told.contains("are the repository and the number right?"),
        "{told}"
    );
    assert_eq!(forge.verbs(), "GET", "nothing is written on a guess");
    // What a host says is not trusted with the token.
    let told = said(at(&forge, &with("3 changes"), []).env("GITHUB_TOKEN", "t0ken2").assert().code(1));
    assert!(told.contains("does not take the token") && told.contains("is it still valid?"), "{told}");
}

#[test]
fn a_host_that_asks_for_patience_gets_it_within_bounds() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    let soon = "retry-after: 0\r\n";
    forge.state().trouble.extend([
        Trouble { verb: "GET", status: 429, headers: soon, body: "{}", done: false },
        Trouble { verb: "GET", status: 403, headers: "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1\r\n", body: "{}", done: false },
        Trouble {
            verb: "POST",
            status: 403,
            headers: soon,
            body: r#"{"message":"You have exceeded a secondary rate limit"}"#,
            done: false,
        },
    ]);
    at(&forge, &with("3 changes"), []).assert().success();
    assert_eq!(forge.verbs(), "GET GET GET POST POST");
    assert_eq!(forge.state().comments.len(), 1);
    forge.state().trouble.push(Trouble { verb: "GET", status: 429, headers: "retry-after: 7200\r\n", body: "{}", done: false });
    let told = said(at(&forge, &with("3 changes"), []).assert().code(1));
    assert!(told.contains("takes no more requests of this token for about 7200 seconds"), "{told}");
}

#[test]
fn comments_without_an_end_are_not_read_without_an_end() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    forge.state().endless = true;
    let told = said(at(&forge, &with("3 changes"), []).assert().code(1));
    assert!(told.contains("ours is not among the first 3000 comments"), "{told}");
    assert_eq!(forge.verbs().split(' ').count(), 30);
}

#[test]
fn what_is_too_long_or_has_no_marker_is_refused_before_anything_is_sent() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    let long = |length: usize| {
        let page = page("3 changes");
        format!("{page}{}", "x".repeat(length - page.len()))
    };
    let folder = Folder::with(&[("comment.md", &long(65_537))]);
    let told = said(at(&forge, &folder, []).assert().code(1));
    assert!(told.contains("the comment has 65537 bytes; hosts take 65536 at most"), "{told}");
    folder.write("comment.md", "### headcount: 3 changes\n");
    assert!(
        said(at(&forge, &folder, []).assert().code(1)).contains("does not begin with the line by which the next run finds its comment")
    );
    assert_eq!(forge.verbs(), "");
    // A preview that failed before it knew whose it is takes the place of the comment that is there.
    assert!(said(at(&forge, &folder, ["--workspace", "acme"]).assert().success()).starts_with("Comment posted"));
    folder.write("comment.md", &page("3 changes"));
    assert!(said(at(&forge, &folder, ["--workspace", "other"]).assert().success()).starts_with("Comment updated"));
    folder.write("comment.md", &long(65_536));
    at(&forge, &folder, []).assert().success();
}

#[test]
fn the_summary_has_the_whole_text_once() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    let folder = with("3 changes");
    folder.write("summary.md", "before\n");
    folder.write("full.md", &format!("{}and all the rest\n", page("3 changes")));
    let summary = folder.file("summary.md");
    for _ in 0..2 {
        at(&forge, &folder, ["--summary", "full.md"]).env("GITHUB_STEP_SUMMARY", &summary).assert().success();
    }
    let written = std::fs::read_to_string(&summary).expect("a summary");
    assert!(written.starts_with("before\n<!-- headcount:diff") && written.matches("and all the rest").count() == 1, "{written}");
    folder.write("summary.md", "");
    folder.write("full.md", &format!("{}{}", page("3 changes"), "x".repeat(1 << 20)));
    let told = said(at(&forge, &folder, ["--summary", "full.md"]).env("GITHUB_STEP_SUMMARY", &summary).assert().success());
    assert!(told.contains("the step summary takes 1 MiB at most"), "{told}");
    assert_eq!(std::fs::read_to_string(&summary).expect("a summary"), "");
}

#[test]
fn statuses_and_checks_say_what_came_of_it_at_the_newest_commit() {
    let conclusions = [
        ("none", "success", "success"),
        ("clean", "success", "success"),
        ("intent", "success", "neutral"),
        ("check", "success", "neutral"),
        ("undecided", "error", "failure"),
        ("incomplete", "error", "failure"),
        ("blocked", "failure", "failure"),
    ];
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    for (word, state, check) in conclusions {
        let folder = Folder::with(&[("comment.md", &page("3 changes").replace("verdict=check", &format!("verdict={word}")))]);
        let run =
            at(&forge, &folder, ["--status", "--check"]).env("GITHUB_SERVER_URL", "https://github.example").env("GITHUB_RUN_ID", "99");
        run.assert().success();
        let signals = std::mem::take(&mut forge.state().signals);
        assert_eq!(
            signals[0],
            serde_json::json!({
                "state": state, "context": "headcount/acme", "description": "headcount · acme: 3 changes",
                "target_url": "https://github.example/acme/identity/actions/runs/99",
            })
        );
        assert_eq!((&signals[1]["conclusion"], &signals[1]["head_sha"]), (&check.into(), &"c0ffee".into()), "{word}");
    }
    assert!(forge.state().asked.iter().any(|line| line == "POST /repos/acme/identity/statuses/c0ffee"));
    forge.verbs();
}

#[test]
fn the_request_is_the_events_or_the_one_that_is_named() {
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    let folder = with("3 changes");
    folder.write("event.json", r#"{"number": 8, "pull_request": {"number": 8, "head": {"sha": "abc"}, "title": "x"}}"#);
    folder.write("push.json", r#"{"ref": "refs/heads/main", "commits": []}"#);
    let (event, push) = (folder.file("event.json"), folder.file("push.json"));
    let first = || forge.state().asked.drain(..).next().unwrap_or_default();
    at(&forge, &folder, ["--status"]).env("GITHUB_EVENT_PATH", &event).assert().success();
    assert!(forge.state().asked.iter().any(|line| line.ends_with("/statuses/abc")), "the event's own commit");
    assert!(first().contains("/issues/8/comments"));
    at(&forge, &folder, ["--number", "9"]).env("GITHUB_EVENT_PATH", &event).assert().success();
    assert!(first().contains("/issues/9/comments"));
    let told = said(at(&forge, &folder, []).env("GITHUB_EVENT_PATH", &push).env("GITHUB_REF", "refs/heads/main").assert().code(1));
    assert!(told.contains("this run belongs to no pull request") && told.contains("--number N"), "{told}");
    let told = said(at(&forge, &folder, []).env_remove("GITHUB_TOKEN").assert().code(1));
    assert!(told.contains("GITHUB_TOKEN is not set") && told.contains("github.token"), "{told}");
    let told = said(at(&forge, &folder, []).env_remove("GITHUB_REPOSITORY").assert().code(1));
    assert!(told.contains("which host this runs at is not known"), "{told}");
    assert_eq!(forge.verbs(), "");
}

#[test]
fn gitlab_has_the_same_with_its_notes() {
    let mut notes: Vec<_> = others(130).collect();
    notes[2] = ("system", page("3 changes"));
    notes[3] = ("mallory", page("all is well"));
    notes[120] = own("2 changes");
    let forge = Forge::with(Speaks::GitLab, "/api/v4", &notes);
    let folder = with("3 changes");
    let told = said(at_gitlab(&forge, &folder, ["--status"]).assert().success());
    assert_eq!(told, "Comment updated: https://gitlab.example/acme/identity/-/merge_requests/7#note_121\n");
    assert_eq!(forge.verbs(), "GET GET GET PUT POST");
    assert_eq!(forge.state().signals[0]["state"], "success");
    at_gitlab(&forge, &folder, []).assert().success();
    assert_eq!(forge.verbs(), "GET GET GET");
    forge.state().trouble.push(Trouble { verb: "GET", status: 403, headers: "", body: r#"{"error":"insufficient_scope"}"#, done: false });
    let told = said(at_gitlab(&forge, &folder, []).assert().code(1)).replace('\n', " ");
    assert!(
        told.contains("the token may not (insufficient_scope)") && told.contains("scope `api`") && told.contains("job token"),
        "{told}"
    );
    let told = said(at_gitlab(&forge, &folder, ["--check"]).assert().code(1));
    assert!(told.contains("GitLab has no checks") && told.contains("--status"), "{told}");
    let told = said(at_gitlab(&forge, &folder, []).env_remove("CI_MERGE_REQUEST_IID").assert().code(1));
    assert!(told.contains("belongs to no merge request"), "{told}");
    let fresh = Forge::with(Speaks::GitLab, "", &[]);
    assert!(said(at_gitlab(&fresh, &folder, []).assert().success()).ends_with("/merge_requests/7#note_1\n"));
    assert_eq!(fresh.verbs(), "GET POST");
}

/// The page of a plan that could not be made takes the place of the one that is there: nothing stale is left to be read.
#[test]
fn a_plan_that_could_not_be_made_has_a_page_of_its_own_with_the_same_marker() {
    let folder = super::world::applied();
    folder.run(["plan", "-o", "markdown=comment.md"]).assert().success();
    let marker = |text: &str| text.lines().next().unwrap_or_default().split(" verdict=").map(str::to_owned).collect::<Vec<_>>();
    let made = marker(&std::fs::read_to_string(folder.file("comment.md")).expect("a page"));
    folder.write("broken.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: x}\nspec: {nonsense: 1}\n");
    folder.run(["plan", "-o", "markdown=comment.md"]).assert().code(1);
    let text = std::fs::read_to_string(folder.file("comment.md")).expect("a page");
    let failed = marker(&text);
    assert_eq!((&made[0], failed[1].as_str()), (&failed[0], "incomplete -->"), "{text}");
    assert!(text.contains("### headcount: no plan was made") && text.contains("nonsense"), "{text}");
    let forge = Forge::with(Speaks::GitHub, "", &[]);
    at(&forge, &folder, ["--status"]).assert().success();
    assert_eq!(forge.state().signals[0]["state"], "error");
}
