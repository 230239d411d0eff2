//! Names of people who left, kept free for as long as their Targets say.
//!
//! Must never: forget whose a name was.

use std::collections::HashMap;
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{DepartedName, Value};
use crate::planning::question::Moment;
use crate::policy::Policy;
use crate::world::{World, canonical, kind_of};

/// A target, an attribute and a canonical value.
type Place = (usize, Arc<str>, Vec<u8>);

/// Names that are kept free, by target, attribute and canonical value.
pub(in crate::planning) struct Departed<'w> {
    names: HashMap<Place, Vec<&'w DepartedName>>,
}

impl<'w> Departed<'w> {
    /// Those whose time is not over.
    pub(in crate::planning) fn new(policy: &Policy, world: &'w World, moment: Moment) -> Self {
        let mut names: HashMap<_, Vec<&DepartedName>> = HashMap::new();
        for known in &world.memory.departed {
            let Some(target) = policy.targets.iter().position(|target| target.name == known.target) else { continue };
            if moment.now.duration_since(known.at) < policy.targets[target].reuse_after {
                names.entry((target, known.attribute.clone(), bytes(&known.attribute, &known.value))).or_default().push(known);
            }
        }
        Self { names }
    }

    /// Everybody whose name a value was in an attribute of a target.
    pub(in crate::planning) fn named(&self, (target, attribute): (usize, &Arc<str>), value: &str) -> &[&'w DepartedName] {
        if self.names.is_empty() {
            return &[];
        }
        self.names.get(&(target, attribute.clone(), bytes(attribute, value))).map_or(&[], Vec::as_slice)
    }
}

fn bytes(attribute: &str, value: &str) -> Vec<u8> {
    canonical::bytes(kind_of(attribute), Input::Value(&Value::text(value)))
}
