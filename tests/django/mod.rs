//! A real application: a Django project's own database, driven only by the manifest in `examples/django`; then Django itself says who is in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::headcount;
use crate::support::{skipped, tool};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/django");
const WHO: &str = "
from django.contrib.auth.models import User
for user in User.objects.order_by('username'):
    groups = ', '.join(user.groups.order_by('name').values_list('name', flat=True))
    flags = ' '.join(word for word, yes in [('active', user.is_active), ('staff', user.is_staff), ('superuser', user.is_superuser), ('password', user.has_usable_password())] if yes)
    print(f'{user.username} <{user.email}> {user.get_full_name()} [{groups}] {flags}')
";

/// A project that Django made, with a superuser that Django made, and the example's manifest beside it.
struct Project {
    folder: tempfile::TempDir,
    python: PathBuf,
}

impl Project {
    fn new(test: &str) -> Option<Self> {
        let (Some(python), Some(admin)) = (tool("python"), tool("django-admin")) else {
            skipped(test, "Django");
            return None;
        };
        let project = Self { folder: tempfile::tempdir().expect("a folder"), python };
        for name in ["headcount.yaml", "staff.csv"] {
            std::fs::copy(Path::new(EXAMPLE).join(name), project.file(name)).expect("the example");
            crate::support::settle(&project.file(name));
        }
        std::fs::create_dir(project.file("site")).expect("a folder");
        done(Command::new(admin).args(["startproject", "newsroom"]).arg(project.file("site")));
        project.manage(&["migrate", "--verbosity", "0"]);
        project.manage(&["createsuperuser", "--noinput", "--username", "root", "--email", "root@news.example"]);
        Some(project)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn manage(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.python);
        command.arg(self.file("site/manage.py")).args(arguments).env("DJANGO_SUPERUSER_PASSWORD", "correct horse battery");
        done(&mut command)
    }

    fn headcount(&self, command: &str, arguments: &[&str], exit: i32) -> String {
        let all = [command, "-f", "headcount.yaml"].into_iter().chain(arguments.iter().copied());
        let output = headcount(all).current_dir(self.folder.path()).output().expect("headcount runs");
        let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{command}: {words}");
        words
    }

    /// Who is there, as Django sees it.
    fn who(&self) -> String {
        self.manage(&["shell", "--verbosity", "0", "--command", WHO])
    }

    fn edit_staff(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.file("staff.csv")).expect("the list");
        assert!(text.contains(from), "{from}");
        crate::support::write_settled(&self.file("staff.csv"), text.replace(from, to));
    }
}

fn done(command: &mut Command) -> String {
    let output = command.output().expect("a program that starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn django_lists_the_right_people_and_its_own_superuser_is_left_alone() {
    let Some(project) = Project::new("django") else { return };
    let root = project.manage(&["dumpdata", "auth.user"]);
    let plan = project.headcount("plan", &["--detailed-exitcode"], 2);
    assert!(!plan.contains("root"), "{plan}");
    assert_eq!(project.who().lines().count(), 1, "a plan writes nothing");

    project.headcount("apply", &["--auto-approve"], 0);
    insta::assert_snapshot!(project.who(), @"
    ada.okafor <ada@news.example> Ada Okafor [Authors, Editors] active
    aoife.byrne <aoife@news.example> Aoife Byrne [Authors] active
    kwame.mensah <kwame@news.example> Kwame Mensah [Sports desk] active
    luis.ferreira <luis@news.example> Luís Ferreira [Authors, Editors, Sports desk] active
    root <root@news.example>  [] active staff superuser password
    tomas.novak <tomas@news.example> Tomáš Novák [Authors] active
    zoe.lindqvist <zoe@news.example> Zoë Lindqvist [Authors, Sports desk] active
    ");
    let users = project.manage(&["dumpdata", "auth.user"]);
    assert!(users.contains(root.trim().trim_matches(['[', ']'])), "the superuser's row is as it was: {users}");
    project.headcount("plan", &["--detailed-exitcode"], 0);
}

#[test]
fn a_leaver_is_deactivated_and_loses_what_headcount_gave_and_a_mover_moves() {
    let Some(project) = Project::new("django") else { return };
    project.headcount("apply", &["--auto-approve"], 0);
    // Somebody works in Django itself: a group of its own, with a person of ours in it.
    let own = "
from django.contrib.auth.models import Group, User
Group.objects.create(name='Crossword').user_set.add(User.objects.get(username='zoe.lindqvist'))
";
    project.manage(&["shell", "--verbosity", "0", "--command", own]);
    project.headcount("plan", &["--detailed-exitcode"], 0);

    project.edit_staff(
        "3,Zoë,Lindqvist,zoe@news.example,Sports,Reporter,2018-02-01,",
        "3,Zoë,Lindqvist,zoe@news.example,Sports,Reporter,2018-02-01,2020-06-30",
    );
    project.edit_staff("Politics,Reporter,2017-04-01", "Sports,Editor,2017-04-01");
    project.headcount("apply", &["--auto-approve"], 0);
    let who = project.who();
    let line = |name: &str| who.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert_eq!(line("zoe"), "zoe.lindqvist <zoe@news.example> Zoë Lindqvist [Crossword] ");
    assert_eq!(line("tomas"), "tomas.novak <tomas@news.example> Tomáš Novák [Authors, Editors, Sports desk] active");
    project.headcount("plan", &["--detailed-exitcode"], 0);
}

#[test]
fn what_django_holds_is_imported_and_the_plan_is_empty_then() {
    let Some(project) = Project::new("django import") else { return };
    project.headcount("apply", &["--auto-approve"], 0);
    // A newsroom whose groups were made by hand: no manifest, and nothing remembered.
    let manifest = std::fs::read_to_string(project.file("headcount.yaml")).expect("the manifest");
    let without: Vec<&str> = manifest.split("---\n").filter(|document| !document.contains("kind: Group")).collect();
    std::fs::write(project.file("headcount.yaml"), without.join("---\n")).expect("the manifest");
    std::fs::remove_dir_all(project.file(".headcount")).expect("the state");

    project.headcount("import", &["django", "--kind", "group"], 0);
    let groups = std::fs::read_to_string(project.file("groups.yaml")).expect("the groups");
    for rule in ["identity.title == \"Editor\"", "identity.title in [\"Editor\", \"Reporter\"]", "identity.department == \"Sports\""] {
        assert!(groups.contains(rule), "{rule} in {groups}");
    }
    project.headcount("apply", &["-f", "groups.yaml", "--auto-approve"], 0);
    project.headcount("plan", &["-f", "groups.yaml", "--detailed-exitcode"], 0);

    std::fs::write(project.file("groups.yaml"), groups.replace("\"Reporter\"]", "\"Reporter\", \"Photographer\"]")).expect("the groups");
    let plan = project.headcount("plan", &["-f", "groups.yaml", "-o", "json"], 0);
    let plan: serde_json::Value =
        serde_json::from_str(plan.get(plan.find('{').unwrap_or(0)..=plan.rfind('}').unwrap_or(0)).unwrap_or("")).expect("JSON");
    assert_eq!(plan["changes"].as_array().map(Vec::len), Some(1), "{plan:#}");
}
