"""Which operators a graph from elsewhere may have: those that compute, and end.

Left out, each for a reason:

- what holds a graph of its own (If, Loop, Scan, SequenceMap): it runs as long as it likes, and its nodes
  would have to be looked at as well;
- what draws at random (Bernoulli, Multinomial, Random…): onnxruntime goes on drawing from one call to the
  next, with a seed too, so that equal rows would get unequal predictions;
- optional values (Optional…), which no model needs that takes and gives tensors;
- ImageDecoder, which brings decoders of image files along;
- other domains: those of com.microsoft are no standard, and custom ones are code that is not here.
"""

from __future__ import annotations

from ml_core.errors import shown

ONNX, ONNX_ML = "", "ai.onnx.ml"
# Domains by the names that files give them.
DOMAINS = {"": ONNX, "ai.onnx": ONNX, ONNX_ML: ONNX_ML}
# The operator sets that onnxruntime 1.32 knows. It promises 7 and later ones, and runs most models of 6.
OPSETS = {ONNX: (1, 28), ONNX_ML: (1, 5)}

_ONNX = """
Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool
BatchNormalization BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike
CausalConvWithState Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant
ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT DeformConv DepthToSpace
DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor
GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity
InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual LinearAttention Log
LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean
MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Neg NegativeLogLikelihoodLoss NonMaxSuppression
NonZero Not OneHot Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN Range
Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round
STFT Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase
SequenceInsert SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss
Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer StringSplit
Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique
Unsqueeze Upsample Where Xor
"""
_ONNX_ML = """
ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder
LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble
TreeEnsembleClassifier TreeEnsembleRegressor ZipMap
"""
ALLOWED = {ONNX: frozenset(_ONNX.split()), ONNX_ML: frozenset(_ONNX_ML.split())}

WITH_GRAPHS = frozenset({"If", "Loop", "Scan", "SequenceMap"})
RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
OPTIONAL = frozenset({"Optional", "OptionalGetElement", "OptionalHasElement"})
DECODERS = frozenset({"ImageDecoder"})


def objection(domain: str, operator: str, inputs: int) -> str | None:
    """What speaks against a node, as "expected X, got Y"; None for nothing.

    Args:
        domain: as the file has it.
        operator: its name in the domain.
        inputs: how many inputs it is given.
    """
    known = DOMAINS.get(domain)
    if known is None:
        return (
            f"expected the domain ai.onnx or ai.onnx.ml, got {shown(domain)}: export the model without "
            "operators of its own, and before it is optimised for one runtime"
        )
    if operator not in ALLOWED[known]:
        return _not_allowed(operator, known)
    # The third input turns Dropout's chance on, also where nothing is trained.
    if operator == "Dropout" and inputs > 2:
        return "expected Dropout without training_mode, got it: export the model for inference"
    return None


def _not_allowed(operator: str, domain: str) -> str:
    got = f"got {shown(operator)}"
    if operator in WITH_GRAPHS:
        return f"expected operators without a graph within them, {got}: export it without control flow"
    if operator in RANDOM:
        return f"expected operators whose results can be repeated, {got}: export the model for inference"
    if operator in OPTIONAL | DECODERS:
        return f"expected operators that take and give tensors, {got}: leave them out of the graph"
    return f"expected an operator of {domain or 'ai.onnx'}, {got}"
