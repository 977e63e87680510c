/**
 * Fast Trainable Projection, for any optimizer.
 *
 * @packageDocumentation
 */
export { type FtpOptions, ftp } from "./ftp.js";
