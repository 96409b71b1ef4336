/** What Holdfast uses of the engine's WebAssembly interface: the compiler's library has it only
 * together with the whole browser.
 * @see https://webassembly.github.io/spec/js-api/ */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    initial: number;
    maximum?: number;
    shared?: boolean;
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor);
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    grow(pages: number): number;
  }
  type ExportValue = ((...values: number[]) => number) | Memory | Global | object;
  type ImportValue = ((...values: number[]) => number | void) | Memory | Global | number;
  class Global {
    constructor(descriptor: { value: string; mutable?: boolean }, value?: number);
    value: number;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, ImportValue>>);
    readonly exports: Readonly<Record<string, ExportValue>>;
  }
  function validate(bytes: Uint8Array): boolean;
  function compile(bytes: Uint8Array): Promise<Module>;
}
