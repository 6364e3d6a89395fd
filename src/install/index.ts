/**
 * takes: the built agent and the files that go onto a host with it.
 * gives: the install script with this server's address, the files with their checksums, a Node for hosts without one.
 * never: fetches anything from elsewhere; hands out a file that is not on its list.
 * see:   exporter-agent/README.md
 */
export { createInstallKit, type InstallKit, type ServedFile } from './kit.ts';
export { findRuntime } from './runtime.ts';
