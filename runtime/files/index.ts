/** Tensors in files that numpy and the Hugging Face tools read and write. */
export { TensorFileError } from './error.ts';
export { loadNpy, NpyFile, NpyWriter, saveNpy } from './npy.ts';
export { loadNpz, saveNpz } from './npz.ts';
export { loadSafetensors, SafetensorsFile, saveSafetensors } from './safetensors.ts';
