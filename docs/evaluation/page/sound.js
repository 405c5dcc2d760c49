"use strict";
// Sounds: bytes from script files (a page that is opened from disk may not fetch), versions that
// run in step, and their pictures.

const Sounds = (() => {
  const waiting = new Map();
  // Every file of sounds/ calls this with its name and its FLAC in base64.
  window.soundLoaded = (name, base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    waiting.get(name)?.(bytes.buffer);
    waiting.delete(name);
  };

  const decoded = new Map();
  function load(file, rate) {
    if (!decoded.has(file)) {
      decoded.set(file, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        waiting.set(file, (buffer) => {
          // At the sound's own rate, so that nothing is resampled before it is compared.
          new OfflineAudioContext(1, 1, rate).decodeAudioData(buffer).then(resolve, reject);
          script.remove();
        });
        script.src = `sounds/${file}.js`;
        script.onerror = () => { decoded.delete(file); reject(new Error(`cannot load ${script.src}`)); };
        document.head.append(script);
      }));
    }
    return decoded.get(file);
  }

  // Plays any number of sounds of one length at once, all but one of them silent.
  class Deck {
    constructor(onEnd) {
      this.buffers = new Map(); this.voices = new Map(); this.current = null;
      this.playing = false; this.loop = true; this.place = 0; this.begun = 0; this.onEnd = onEnd;
      this.context = null;
    }
    get duration() { return Math.max(0, ...[...this.buffers.values()].map((b) => b.duration)); }
    get position() {
      if (!this.playing) return this.place;
      const passed = this.place + Math.max(0, this.context.currentTime - this.begun);
      return this.loop ? passed % (this.duration || 1) : Math.min(passed, this.duration);
    }
    clear() { this.pause(); this.buffers.clear(); this.place = 0; this.current = null; }
    add(name, buffer) {
      this.buffers.set(name, buffer);
      if (this.playing) this.#voice(name, this.context.currentTime + 0.03, this.#ahead(0.03));
    }
    select(name) {
      this.current = name;
      for (const [key, voice] of this.voices) this.#fade(voice, key === name);
    }
    play() {
      if (this.playing || !this.buffers.size) return;
      this.context ??= new AudioContext({ latencyHint: "interactive" });
      this.context.resume();
      if (this.place >= this.duration - 0.01) this.place = 0;
      const when = this.context.currentTime + 0.04;
      this.begun = when; this.playing = true;
      for (const name of this.buffers.keys()) this.#voice(name, when, this.place);
    }
    pause() {
      if (!this.playing) return;
      this.place = this.position; this.playing = false;
      for (const voice of this.voices.values()) { voice.source.onended = null; voice.source.stop(); }
      this.voices.clear();
    }
    seek(seconds) {
      const on = this.playing;
      this.pause();
      this.place = Math.min(Math.max(0, seconds), Math.max(0, this.duration - 0.02));
      if (on) this.play();
    }
    setLoop(loop) {
      const place = this.position;
      this.loop = loop;
      if (this.playing) this.seek(place);
    }
    #ahead(seconds) { return (this.position + seconds) % (this.duration || 1); }
    #voice(name, when, offset) {
      const source = this.context.createBufferSource(), gain = this.context.createGain();
      source.buffer = this.buffers.get(name); source.loop = this.loop;
      gain.gain.value = name === this.current ? 1 : 0;
      source.connect(gain).connect(this.context.destination);
      source.start(when, offset);
      source.onended = () => { if (this.playing && name === this.current) { this.pause(); this.place = 0; this.onEnd(); } };
      this.voices.set(name, { source, gain });
    }
    #fade(voice, on) {
      // 5 ms of crossfade: no click, and too short to be heard as one.
      const now = this.context.currentTime;
      voice.gain.gain.cancelScheduledValues(now);
      voice.gain.gain.setValueAtTime(voice.gain.gain.value, now);
      voice.gain.gain.linearRampToValueAtTime(on ? 1 : 0, now + 0.005);
    }
  }
  return { load, Deck };
})();

const Pictures = (() => {
  const WINDOW = 1024, FLOOR = -95;

  // In place, radix 2.
  function fft(re, im) {
    const n = re.length;
    for (let i = 1, j = 0; i < n; i++) {
      let bit = n >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i < j) { [re[i], re[j]] = [re[j], re[i]]; [im[i], im[j]] = [im[j], im[i]]; }
    }
    for (let size = 2; size <= n; size <<= 1) {
      const half = size >> 1, step = (-2 * Math.PI) / size;
      for (let k = 0; k < half; k++) {
        const c = Math.cos(step * k), s = Math.sin(step * k);
        for (let i = k; i < n; i += size) {
          const j = i + half, a = re[j] * c - im[j] * s, b = re[j] * s + im[j] * c;
          re[j] = re[i] - a; im[j] = im[i] - b; re[i] += a; im[i] += b;
        }
      }
    }
  }

  const shape = Float32Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));
  // Level in dB, columns of WINDOW / 2 from low to high.
  function spectrogram(samples, columns) {
    const bins = WINDOW / 2, out = new Float32Array(columns * bins);
    const re = new Float32Array(WINDOW), im = new Float32Array(WINDOW);
    for (let column = 0; column < columns; column++) {
      const middle = Math.round(((column + 0.5) * samples.length) / columns);
      for (let i = 0; i < WINDOW; i++) {
        re[i] = (samples[middle - WINDOW / 2 + i] ?? 0) * shape[i]; im[i] = 0;
      }
      fft(re, im);
      for (let i = 0; i < bins; i++) {
        const level = (4 / WINDOW) * Math.hypot(re[i], im[i]);
        out[column * bins + i] = Math.max(FLOOR, 20 * Math.log10(level + 1e-9));
      }
    }
    return { values: out, columns, bins };
  }

  const HEAT = [[0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122], [229, 80, 100], [251, 135, 97], [254, 194, 135], [252, 253, 191]];
  function heat(share) {
    const at = Math.min(0.9999, Math.max(0, share)) * (HEAT.length - 1), i = Math.floor(at), f = at - i;
    return HEAT[i].map((v, c) => v + f * (HEAT[i + 1][c] - v));
  }
  const dark = () => getComputedStyle(document.documentElement).colorScheme === "dark";
  function contrast(share) {
    const ground = dark() ? [27, 30, 35] : [255, 255, 255], end = share < 0 ? [47, 125, 225] : [224, 87, 47];
    const f = Math.min(1, Math.abs(share));
    return ground.map((v, c) => v + f * (end[c] - v));
  }

  function paint(canvas, grid, rate, color) {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    if (!box.width) return;
    canvas.width = Math.round(box.width * ratio); canvas.height = Math.round(box.height * ratio);
    const small = document.createElement("canvas");
    small.width = grid.columns; small.height = grid.bins;
    const context = small.getContext("2d"), image = context.createImageData(grid.columns, grid.bins);
    for (let x = 0; x < grid.columns; x++) for (let y = 0; y < grid.bins; y++) {
      const rgb = color(grid.values[x * grid.bins + y]), at = 4 * ((grid.bins - 1 - y) * grid.columns + x);
      image.data[at] = rgb[0]; image.data[at + 1] = rgb[1]; image.data[at + 2] = rgb[2]; image.data[at + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    const target = canvas.getContext("2d");
    target.imageSmoothingQuality = "high";
    target.drawImage(small, 0, 0, canvas.width, canvas.height);
    scale(target, canvas, rate, ratio);
  }
  function scale(target, canvas, rate, ratio) {
    target.font = `${11 * ratio}px system-ui, sans-serif`;
    target.textBaseline = "middle";
    const step = rate > 30000 ? 5 : rate > 12000 ? 4 : 1;
    for (let khz = step; khz * 2000 < rate * 0.97; khz += step) {
      const y = canvas.height * (1 - (khz * 2000) / rate), text = `${khz} kHz`;
      target.fillStyle = "rgb(0 0 0 / .55)";
      target.fillRect(0, y - 7 * ratio, target.measureText(text).width + 8 * ratio, 14 * ratio);
      target.fillStyle = "#fff"; target.fillText(text, 4 * ratio, y);
    }
  }

  const columnsOf = (canvas) => Math.max(80, Math.min(700, Math.round(canvas.getBoundingClientRect().width)));
  const drawHeat = (canvas, grid, rate) => paint(canvas, grid, rate, (v) => heat((v - FLOOR + 5) / (-FLOOR - 5)));
  const drawDifference = (canvas, grid, other, rate) =>
    paint(canvas, { ...grid, values: other.values.map((v, i) => v - grid.values[i]) }, rate, (v) => contrast(v / 30));

  function peaks(samples, columns) {
    return Array.from({ length: columns }, (_, x) => {
      let top = 0;
      for (let i = Math.floor((x * samples.length) / columns); i < Math.floor(((x + 1) * samples.length) / columns); i++) top = Math.max(top, Math.abs(samples[i]));
      return top;
    });
  }
  function drawWave(canvas, heights, color, share = null) {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    const wide = box.width || canvas.clientWidth || 120, high = box.height || 26;
    canvas.width = Math.round(wide * ratio); canvas.height = Math.round(high * ratio);
    const target = canvas.getContext("2d"), most = Math.max(0.05, ...heights), middle = canvas.height / 2;
    const step = canvas.width / heights.length;
    heights.forEach((height, x) => {
      const length = Math.max(1, (height / most) * canvas.height * 0.92);
      target.globalAlpha = share === null || x / heights.length <= share ? 1 : 0.38;
      target.fillStyle = color;
      target.fillRect(x * step, middle - length / 2, Math.max(1, step * 0.72), length);
    });
    if (share !== null) {
      target.globalAlpha = 1;
      target.fillRect(share * canvas.width - ratio, 0, 2 * ratio, canvas.height);
    }
  }
  return { spectrogram, drawHeat, drawDifference, columnsOf, peaks, drawWave };
})();
