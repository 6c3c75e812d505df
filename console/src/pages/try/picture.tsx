// A picture: drawn on a grid of as many pixels as the model takes, or taken from a file.
import { useEffect, useRef, useState } from "preact/hooks";
import { useDropped } from "../../parts/dropped.ts";
import { Field } from "../../parts/field.tsx";
import { sentence } from "../../parts/states.tsx";
import type { Fault } from "../../service.ts";
import { inverted, type Drawn } from "./values.ts";

/** The picture as a canvas shows it. */
export function shown({ height, width, channels, pixels }: Drawn): ImageData {
  const image = new ImageData(width, height);
  for (let place = 0; place < height * width; place++)
    for (let c = 0; c < 4; c++)
      image.data[place * 4 + c] = c === 3 ? 255 : (pixels[place * channels + (channels < 3 ? 0 : c)] ?? 0);
  return image;
}

export function Picture({ picture, draw, faults }: { picture: Drawn; draw: (change: (before: Drawn) => Drawn) => void; faults: Fault[] }) {
  const { height, width, channels } = picture;
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<[number, number] | null>(null);
  const [cursor, move] = useState<[number, number]>([Math.floor(width / 2), Math.floor(height / 2)]);
  const [colour, dip] = useState("#ffffff");
  const [problem, tell] = useState("");
  useEffect(() => canvas.current?.getContext("2d")?.putImageData(shown(picture), 0, 0), [picture]);
  const ink = [1, 3, 5].map(begin => parseInt(colour.slice(begin, begin + 2), 16));
  const grey = Math.round(ink.reduce((sum, each) => sum + each, 0) / 3);
  // A pen of about a twelfth of the picture, with a soft edge.
  const pen = Math.max(0.6, Math.min(height, width) / 20);
  const paint = (from: [number, number], till: [number, number]) =>
    draw(before => {
      const pixels = before.pixels.slice();
      const steps = Math.max(1, Math.ceil(2 * Math.hypot(till[0] - from[0], till[1] - from[1])));
      for (let step = 0; step <= steps; step++) {
        const [cx, cy] = [0, 1].map(axis => (from[axis] ?? 0) + (((till[axis] ?? 0) - (from[axis] ?? 0)) * step) / steps) as [number, number];
        for (let y = Math.max(0, Math.floor(cy - pen - 1)); y <= Math.min(height - 1, cy + pen + 1); y++)
          for (let x = Math.max(0, Math.floor(cx - pen - 1)); x <= Math.min(width - 1, cx + pen + 1); x++) {
            const cover = Math.min(1, Math.max(0, pen + 0.5 - Math.hypot(x - cx, y - cy)));
            for (let c = 0; c < channels && cover > 0; c++) {
              const target = c === 3 || (channels === 2 && c === 1) ? 255 : channels < 3 ? grey : (ink[c] ?? 0);
              const place = (y * width + x) * channels + c;
              const old = before.pixels[place] ?? 0;
              const value = old + (target - old) * cover;
              const now = pixels[place] ?? 0;
              if (Math.abs(target - value) < Math.abs(target - now)) pixels[place] = value;
            }
          }
      }
      return { ...before, pixels };
    });
  const placeOf = (event: PointerEvent): [number, number] => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return [((event.clientX - box.left) * width) / box.width - 0.5, ((event.clientY - box.top) * height) / box.height - 0.5];
  };
  const take = async (file: File | undefined) => {
    if (!file) return;
    tell("");
    try {
      const image = await createImageBitmap(file);
      const scratch = Object.assign(document.createElement("canvas"), { width, height });
      const pencil = scratch.getContext("2d", { willReadFrequently: true });
      if (!pencil) return;
      const scale = Math.min(width / image.width, height / image.height);
      const [w, h] = [image.width * scale, image.height * scale];
      pencil.drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
      const { data } = pencil.getImageData(0, 0, width, height);
      draw(before => {
        const pixels = before.pixels.slice();
        for (let place = 0; place < width * height; place++) {
          const [r = 0, g = 0, b = 0, a = 0] = data.slice(place * 4, place * 4 + 4);
          const values = channels < 3 ? [0.299 * r + 0.587 * g + 0.114 * b, a] : [r, g, b, a];
          for (let c = 0; c < channels; c++) pixels[place * channels + c] = values[c] ?? 0;
        }
        return { ...before, pixels };
      });
    } catch {
      tell("This file is no picture that the browser can read.");
    }
  };
  useDropped(file => void take(file));
  const keyed = (event: KeyboardEvent) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    const [x, y] = cursor;
    const next: [number, number] = [Math.min(width - 1, Math.max(0, x + (step?.[0] ?? 0))), Math.min(height - 1, Math.max(0, y + (step?.[1] ?? 0)))];
    if (!step || event.shiftKey) paint(cursor, next);
    move(next);
  };
  return (
    <>
      <Field label={`Draw a picture: ${width} × ${height}`} faults={[...faults.map(each => sentence(each.message)), ...(problem ? [problem] : [])]}
        hint="Draw with the pointer. By keyboard: arrows move, with Shift they draw, Space makes a dot. Or drop a picture on this page.">
        {given => (
          <div class="easel">
            <canvas {...given} ref={canvas} width={width} height={height} tabIndex={0} role="img" aria-label={`Picture to draw; the pen is at ${cursor[0] + 1}, ${cursor[1] + 1}`}
              onPointerDown={event => { event.currentTarget.setPointerCapture(event.pointerId); last.current = placeOf(event); paint(last.current, last.current); }}
              onPointerMove={event => { if (!last.current) return; const here = placeOf(event); paint(last.current, here); last.current = here; }}
              onPointerUp={() => (last.current = null)} onPointerCancel={() => (last.current = null)} onKeyDown={keyed} />
            <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true"><rect x={cursor[0]} y={cursor[1]} width="1" height="1" /></svg>
          </div>
        )}
      </Field>
      <p class="row">
        <label class="inline">{channels < 3 ? "Grey of the pen" : "Colour of the pen"} <input type="color" value={colour} onInput={event => dip(event.currentTarget.value)} /></label>
        <label class="button second">Choose a picture <input class="unseen" type="file" accept="image/*" onChange={event => void take(event.currentTarget.files?.[0])} /></label>
        <button type="button" class="second" onClick={() => draw(before => ({ ...before, pixels: before.pixels.slice().fill(0) }))}>Clear</button>
        <button type="button" class="second" title="For pictures that are dark on light" onClick={() => draw(inverted)}>Invert</button>
      </p>
    </>
  );
}
