/** ONNX Runtime reports nothing of what runs here, unless the program wants it to. This must come before it is loaded. */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
