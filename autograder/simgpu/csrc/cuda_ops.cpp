// Operations that CUDA answers differently from the CPU, or that PyTorch would otherwise run as a composite.
#include "device.h"
#include "fallback.h"
#include "kernels.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <tuple>

namespace simgpu {
namespace {

using at::Tensor;

// ATen/native/Convolution.cpp: check_input_same_type_as_parameters, which stands before every backend's kernel.
void check_same_type(const Tensor& input, const Tensor& parameter, const char* name) {
  const char* for_cpu = input.device().is_cpu() ? " or input should be a MKLDNN tensor and weight is a dense tensor" : "";
  TORCH_CHECK(input.options().type_equal(parameter.options()), "Input type (", input.toString(), ") and ", name, " type (",
              parameter.toString(), ") should be the same", for_cpu);
}

// Without this PyTorch would choose among CUDA's convolutions, most of which have no CPU kernel.
void convolution(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const size_t first = stack->size() - op.schema().arguments().size();
  const Tensor& input = (*stack)[first].toTensor();
  const c10::IValue& bias = (*stack)[first + 2];
  check_same_type(input, (*stack)[first + 1].toTensor(), "weight");
  if (bias.isTensor() && bias.toTensor().defined()) check_same_type(input, bias.toTensor(), "bias");
  run_on_cpu(op, stack);
}

// ATen/native/cuda/Dropout.cu: native_dropout_cuda. The mask comes from the device's random numbers.
std::tuple<Tensor, Tensor> native_dropout(const Tensor& input, double p, std::optional<bool> train) {
  if (input.numel() == 0 || !train.value_or(true)) return {input.clone(), at::ones_like(input, at::kBool)};
  if (p == 1.0) return {at::zeros_like(input), at::zeros_like(input, at::kBool)};
  Tensor mask = at::empty_like(input, at::kBool).bernoulli_(1.0 - p);
  return {input.mul(mask).mul_(1.0 / (1.0 - p)), mask};
}

// ATen/native/transformers/sdp_utils.h: the mathematical form is the one attention that needs no GPU.
int64_t fused_sdp_choice(const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&, double, bool,
                         std::optional<double>, bool) {
  return 0;  // sdp::SDPBackend::math
}

// ATen/native/cudnn/LossCTC.cpp and miopen/LossCTC_miopen.cpp: neither library is here, so the native form is used.
bool use_library_ctc_loss(const Tensor&, const Tensor&, at::IntArrayRef, at::IntArrayRef, int64_t) { return false; }
bool use_library_ctc_loss_tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t) { return false; }

void refuse(const c10::OperatorHandle& op, torch::jit::Stack*) {
  TORCH_CHECK_NOT_IMPLEMENTED(false, "simulated GPU: ", op.schema().operator_name(),
                              " on sparse, quantized or nested tensors needs a real GPU and is not simulated");
}

}  // namespace

void register_cuda_kernels(torch::Library& m) {
  m.impl("convolution", torch::CppFunction::makeFromBoxedFunction<&convolution>());
  m.impl("native_dropout", native_dropout);
  m.impl("_fused_sdp_choice", fused_sdp_choice);
  for (const std::string name : {"_use_cudnn_ctc_loss", "_use_miopen_ctc_loss"}) {
    m.impl(name.c_str(), use_library_ctc_loss);
    m.impl((name + ".Tensor").c_str(), use_library_ctc_loss_tensor);
  }
  // These have a composite form, which would win over the fallback.
  for (const char* name : {"convolution_backward", "native_layer_norm", "native_group_norm", "addr"}) {
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
  }
}

}  // namespace simgpu

#define REFUSE_ON(KEY) \
  TORCH_LIBRARY_IMPL(_, KEY, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&simgpu::refuse>()); }
REFUSE_ON(SparseCUDA)
REFUSE_ON(SparseCsrCUDA)
REFUSE_ON(QuantizedCUDA)
REFUSE_ON(NestedTensorCUDA)
