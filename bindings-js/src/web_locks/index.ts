/**
 * The Web Locks API over a space: what is written for `navigator.locks` runs on what {@link lockManager} answers.
 *
 * @module
 */

export { Lock, type LockMode } from "./lock.js";
export { LockManager, lockManager } from "./lock_manager.js";
export type { LockGrantedCallback, LockOptions } from "./request_arguments.js";
export type { LockInfo, LockManagerSnapshot } from "./snapshot.js";
