/** Counts the bytes of a body that is made while it is sent. https://hl7.org/fhir/R4/http.html */

/** The same pieces. `ended`: called once, with the bytes of those that were taken, when there are no more, one fails or nobody wants more. */
export function counted(stream: AsyncIterable<Uint8Array>, ended: (bytes: number) => void): AsyncIterable<Uint8Array> {
  const pieces = stream[Symbol.asyncIterator]();
  let bytes = 0;
  let isOpen = true;
  const end = () => {
    if (isOpen) ended(bytes);
    isOpen = false;
  };
  // No generator: one that was not begun ends without running anything of it.
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => {
      try {
        const piece = await pieces.next();
        if (piece.done === true) end();
        else bytes += piece.value.byteLength;
        return piece;
      } catch (error) {
        end();
        throw error;
      }
    },
    return: async (value) => {
      end();
      await pieces.return?.();
      return { done: true, value };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
