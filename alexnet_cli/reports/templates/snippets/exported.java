// com.microsoft.onnxruntime:onnxruntime; pixels: a direct ByteBuffer of RGB bytes
var environment = OrtEnvironment.getEnvironment();
try (var session = environment.createSession("model.onnx");
     var tensor = OnnxTensor.createTensor(
         environment, pixels, new long[] {1, SIZE, SIZE, 3}, OnnxJavaType.UINT8);
     var answer = session.run(Map.of("pixels", tensor))) {
  System.out.println(Arrays.toString(((float[][]) answer.get(0).getValue())[0]));
}
