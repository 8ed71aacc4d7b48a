/** As deep as bodies of conditionals and loops may stand one in another: ONNX Runtime reads 100 nested messages, three for each body. */
export const DEEPEST = 30;
