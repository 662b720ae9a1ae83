/** Where the binary comes from: its bytes, a compiled module, a response that carries it, or its address. */
export type Source = BufferSource | WebAssembly.Module | Response | URL | string;
