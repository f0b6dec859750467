/** `struct ip_vs_pe`: a persistence engine adds something of the packet's content to the key of a template. */

/** Registered by name; `sip` is the kernel's only one. */
export interface PersistenceEngine {
  readonly name: string;
}
