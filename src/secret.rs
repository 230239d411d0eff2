//! Resolves secret references. A secret that can't be resolved is an error, never an empty string.
//!
//! Must never: log, render or keep a secret outside `SecretString`.
