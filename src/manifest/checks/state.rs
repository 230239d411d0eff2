//! Where the state is: a bucket that can be named, over a way on which nobody reads along.

use super::{Context, Diagnostic};
use crate::manifest::kinds::StateLocation;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(workspace) = &context.loaded.workspace else { return };
    let Some(state) = &workspace.spec.state else { return };
    let mut wrong = |pointer: &str, message: String, hint: &str| {
        problems.push(context.at(&workspace.origin, &format!("/spec/state/{pointer}"), Diagnostic::error(message).hint(hint.to_owned())));
    };
    let (word, names) = match state {
        StateLocation::Path(path) if path.trim().is_empty() => {
            return wrong("path", "the state's path is empty".to_owned(), "write a file: `.headcount/state.db`, or leave `state` out");
        }
        StateLocation::Path(path) if path.contains("://") => {
            let hint = "a path is a file of this machine; for a bucket write `state: {s3: {bucket: …}}`, `gcs` or `azure`";
            return wrong("path", format!("`{path}` is no file"), hint);
        }
        StateLocation::Path(_) => return,
        StateLocation::S3(s3) => ("s3", vec![("bucket", &s3.bucket)]),
        StateLocation::Gcs(gcs) => ("gcs", vec![("bucket", &gcs.bucket)]),
        StateLocation::Azure(azure) => ("azure", vec![("account", &azure.account), ("container", &azure.container)]),
    };
    for (field, name) in names {
        if name.is_empty() || name.contains(|sign: char| sign == '/' || sign == ':' || sign.is_whitespace()) {
            wrong(
                &format!("{word}/{field}"),
                format!("`{name}` is no name of a {field}"),
                "write the bare name; what comes before our objects is `prefix`",
            );
        }
    }
    if let Some(prefix) = state.prefix()
        && prefix.split('/').any(|part| part == "..")
    {
        wrong(&format!("{word}/prefix"), format!("`{prefix}` leads out of itself"), "write what our objects' names begin with: `acme/`");
    }
    if let StateLocation::S3(s3) = state
        && let Some(endpoint) = &s3.endpoint
    {
        let parsed = url::Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        match parsed {
            None => {
                wrong("s3/endpoint", "this is no address of a service".to_owned(), "write it with its scheme: `https://minio.example:9000`")
            }
            Some(url) if !url.username().is_empty() || url.password().is_some() || url.query().is_some() => {
                let problem = Diagnostic::error("the address holds a secret").conceal();
                let hint = "take it out, change it, and hand it over as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                problems.push(context.at(&workspace.origin, "/spec/state/s3/endpoint", problem.hint(hint)));
            }
            Some(_) if s3.goes_openly() => {
                let hint = "use https; where the way is safe, say `allowPlainHttp: true`";
                wrong(
                    "s3/endpoint",
                    "what headcount knows of people would go over plain http, where anybody on the way reads it".to_owned(),
                    hint,
                );
            }
            Some(_) => {}
        }
    }
}
