//! One HTTP client façade for all connectors: deadlines, bounded bodies, no redirects, TLS, and what a lost answer means.
//!
//! Must never: follow a redirect (it could carry credentials to another host), retry, or log a header or a body.
