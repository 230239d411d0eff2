//! Which two revisions are compared: what REV names, the merge base, and what stands for a request that was merged on trial.
//!
//! Must never: fall back to no base where history is missing.

use super::{BranchHead, Commit, GitError, Repository};

/// What is to be compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question<'a> {
    /// the base; none: the first parent of a head that is a merge
    pub base: Option<&'a str>,
    /// take the base itself, and not where the head forked off
    pub exact: bool,
    /// the head; none: the working tree, or the checked-out commit
    pub head: Option<&'a str>,
    /// without a head: the checked-out commit, and not the working tree
    pub committed: bool,
}

/// The two revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// what the branch is held against
    pub base: Commit,
    /// the branch
    pub head: BranchHead,
}

/// The word for the working tree.
const WORK_TREE: &str = "worktree";

impl Repository {
    /// Which two revisions a question means.
    pub fn compare(&self, question: &Question<'_>) -> Result<Compared, GitError> {
        let head = self.head(question)?;
        let Some(named) = question.base else {
            let base = self.first_parent(head.commit())?.ok_or_else(|| {
                let what = format!("`{}` is no merge of two commits, so its base can't be told by itself", head.commit().named);
                GitError::Usage { what, hint: "name it: `--base origin/main`".to_owned() }
            })?;
            return Ok(Compared { base: self.resolve(&base)?, head });
        };
        let base = self.resolve(named)?;
        if question.exact {
            return Ok(Compared { base, head });
        }
        if let Some(compared) = self.trial_merge(&base, &head)? {
            return Ok(compared);
        }
        let base = self.merge_base(&base, head.commit())?;
        Ok(Compared { base, head })
    }

    fn head(&self, question: &Question<'_>) -> Result<BranchHead, GitError> {
        let work_tree = match question.head {
            Some(word) => word == WORK_TREE,
            None => self.has_work_tree && !question.committed,
        };
        match (work_tree, question.head) {
            (true, _) if !self.has_work_tree => Err(GitError::Usage {
                what: "with `--git-dir` there is no working tree to look at".to_owned(),
                hint: "name a commit: `--head HEAD`".to_owned(),
            }),
            (true, _) => Ok(BranchHead::WorkTree(self.resolve("HEAD")?)),
            (false, named) => Ok(BranchHead::Commit(self.resolve(named.unwrap_or("HEAD"))?)),
        }
    }

    /// The commit that a word names.
    pub fn resolve(&self, named: &str) -> Result<Commit, GitError> {
        let plain = !named.is_empty() && !named.starts_with('-') && !named.contains(['\0', '\n']);
        let word = format!("{named}^{{commit}}");
        let answer = if plain {
            Some(self.git.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &word], Vec::new(), 1 << 10)?)
        } else {
            None
        };
        let id = answer.filter(|answer| answer.succeeded).map(|answer| String::from_utf8_lossy(&answer.output).trim().to_owned());
        match id {
            // Digits are believed without a look: of a commit that is not there they name nothing.
            Some(id) if self.git.says(&["cat-file", "-e", &id])? => Ok(Commit { id, named: named.to_owned() }),
            _ => Err(self.not_here(named)?),
        }
    }

    /// What a request would be once it is merged, where the host made that commit: then the base is what it would be merged into.
    fn trial_merge(&self, base: &Commit, head: &BranchHead) -> Result<Option<Compared>, GitError> {
        if let Some(first) = self.first_parent(head.commit())?
            && self.led_to(&first, &base.id)?
        {
            return Ok(Some(Compared { base: Commit { id: first, named: base.named.clone() }, head: head.clone() }));
        }
        let BranchHead::Commit(commit) = head else { return Ok(None) };
        let out = self.resolve("HEAD").ok();
        let Some((out, parents)) = out.and_then(|out| Some((self.parents(&out.id).ok()?, out))).map(|(parents, out)| (out, parents)) else {
            return Ok(None);
        };
        match parents.as_slice() {
            [first, second] if *second == commit.id && self.led_to(first, &base.id)? => Ok(Some(Compared {
                base: Commit { id: first.clone(), named: base.named.clone() },
                head: BranchHead::Commit(Commit { id: out.id, named: commit.named.clone() }),
            })),
            _ => Ok(None),
        }
    }

    fn first_parent(&self, commit: &Commit) -> Result<Option<String>, GitError> {
        let parents = self.parents(&commit.id)?;
        Ok(if let [first, _] = parents.as_slice() { Some(first.clone()) } else { None })
    }

    /// As they stand in the commit: a shallow clone knows of them though it does not have them.
    fn parents(&self, id: &str) -> Result<Vec<String>, GitError> {
        let bytes = self.git.read(&["cat-file", "commit", id], Vec::new(), 1 << 20)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("parent ")).map(str::to_owned).collect())
    }

    /// Whether a commit is another or among those that led to it.
    fn led_to(&self, before: &str, after: &str) -> Result<bool, GitError> {
        Ok(before == after || self.git.says(&["merge-base", "--is-ancestor", before, after])?)
    }

    fn merge_base(&self, base: &Commit, head: &Commit) -> Result<Commit, GitError> {
        let answer = self.git.run(&["merge-base", &base.id, &head.id], Vec::new(), 1 << 10)?;
        let id = String::from_utf8_lossy(&answer.output).trim().to_owned();
        if answer.succeeded && !id.is_empty() {
            return Ok(Commit { id, named: base.named.clone() });
        }
        Err(self.no_merge_base(base, head)?)
    }
}
