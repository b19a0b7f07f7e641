//! Escalations at a running console, and at the command line.
