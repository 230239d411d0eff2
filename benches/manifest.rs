//! Loading manifests: 100,000 Users in one file, in as many files, and one Group that names them all.

use std::path::PathBuf;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use headcount::manifest::{Loaded, ManifestInput, load};

const USERS: usize = 100_000;

fn main() {
    divan::main();
}

fn user(number: usize) -> String {
    format!(
        "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata:\n  name: user-{number}\nspec:\n  attributes:\n    userName: user{number}\n    \
         name.givenName: Given\n    name.familyName: Family {number}\n    department: Engineering\n    emails:\n    - {{value: user{number}@acme.example, primary: true}}\n"
    )
}

fn text(text: String) -> ManifestInput {
    ManifestInput::Text { name: "bench.yaml".into(), base: PathBuf::new(), bytes: text.into_bytes() }
}

fn check(inputs: &[ManifestInput]) -> Loaded {
    let (loaded, problems) = load(inputs);
    assert!(problems.is_empty() && loaded.users.len() == USERS, "{:?}", problems.first());
    loaded
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn one_file(bencher: Bencher<'_, '_>) {
    let stream: String = (0..USERS).map(|number| format!("---\n{}", user(number))).collect();
    let bytes = stream.len();
    let inputs = [text(stream)];
    bencher.counter(BytesCount::new(bytes)).counter(ItemsCount::new(USERS)).bench(|| check(&inputs));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn as_many_files(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder for the files");
    for number in 0..USERS {
        let below = folder.path().join(format!("{:03}", number / 1000));
        std::fs::create_dir_all(&below).expect("a folder");
        std::fs::write(below.join(format!("{number}.yaml")), user(number)).expect("a file");
    }
    let inputs = [ManifestInput::Path(folder.path().into())];
    bencher.counter(ItemsCount::new(USERS)).bench(|| check(&inputs));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn with_a_group_of_all(bencher: Bencher<'_, '_>) {
    let members: String = (0..USERS).map(|number| format!("  - {{user: user-{number}}}\n")).collect();
    let group = format!(
        "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: all}}\nspec:\n  displayName: All\n  members:\n{members}"
    );
    let stream: String = (0..USERS).map(|number| format!("---\n{}", user(number))).chain([group]).collect();
    let inputs = [text(stream)];
    bencher.counter(ItemsCount::new(2 * USERS)).bench(|| check(&inputs));
}
