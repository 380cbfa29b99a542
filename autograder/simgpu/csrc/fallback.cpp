#include "fallback.h"

#include "alias.h"
#include "device.h"
#include "generator.h"
#include "memory.h"
#include "placement.h"

#include <ATen/core/Tensor.h>
#include <torch/library.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace simgpu {
namespace {

using c10::DispatchKey;
using c10::IValue;

// What is the same for every call of one operation.
struct Operation {
  PlacementRule rule;
  bool has_cpu_kernel;
  int generator = -1;  // position of the argument `generator`
  bool asserts_on_device;
};

bool has_cpu_kernel(const c10::OperatorHandle& op) {
  for (auto key : {DispatchKey::CPU, DispatchKey::CompositeExplicitAutograd, DispatchKey::CompositeImplicitAutograd,
                   DispatchKey::CompositeExplicitAutogradNonFunctional}) {
    if (op.hasKernelForDispatchKey(key)) return true;
  }
  return false;
}

// Kernels that find a wrong index, label or probability on the GPU, where only an assertion can fail (aten/native/cuda).
bool asserts_on_device(const std::string& name) {
  for (const char* part : {"index", "gather", "scatter", "nll_loss", "embedding", "take", "put_", "binary_cross_entropy"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

int generator_position(const c10::FunctionSchema& schema) {
  const auto position = schema.argumentIndexWithName("generator");
  return position ? *position : -1;
}

const Operation& describe(const c10::OperatorHandle& op) {
  thread_local std::unordered_map<const c10::FunctionSchema*, Operation> known;
  const auto& schema = op.schema();
  auto found = known.find(&schema);
  if (found == known.end()) {
    Operation operation{placement_rule(schema), has_cpu_kernel(op), generator_position(schema),
                        asserts_on_device(schema.name())};
    found = known.emplace(&schema, std::move(operation)).first;
  }
  return found->second;
}

// The device that an operation runs on: of its first tensor there, else the one asked for, else the current one.
c10::Device device_of(c10::ArrayRef<IValue> arguments) {
  c10::Device asked(kDevice, current_device());
  for (const IValue& value : arguments) {
    if (value.isTensor() && is_simulated(value.toTensor())) return value.toTensor().device();
    if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) {
        if (is_simulated(tensor)) return tensor.device();
      }
    }
    if (value.isOptionalTensorList()) {
      for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
        if (tensor && is_simulated(*tensor)) return tensor->device();
      }
    }
    if (value.isDevice() && value.toDevice().type() == kDevice && value.toDevice().has_index()) asked = value.toDevice();
  }
  return asked;
}

// The arguments of one call as the CPU kernel sees them, and the way back.
class CpuView {
 public:
  explicit CpuView(c10::Device device) : device_(device) {}

  IValue show(const IValue& value) {
    if (value.isTensor()) return show(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> shown;
      for (const at::Tensor& tensor : value.toTensorVector()) shown.push_back(show(tensor));
      return shown;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> shown;
      for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
        shown.push_back(tensor ? std::optional<at::Tensor>(show(*tensor)) : std::nullopt);
      }
      return shown;
    }
    if (value.isDevice()) return c10::Device(c10::kCPU);
    return value;
  }

  // Output arguments that the kernel gave another shape: the device's tensor takes it, and the new memory if any.
  void take_back_resized() {
    for (const auto& [original, alias] : pairs_) {
      if (original.sizes() == alias.sizes() && original.strides() == alias.strides()) continue;
      auto* impl = original.unsafeGetTensorImpl();
      if (alias.storage().data() != original.storage().data()) {
        impl->set_storage_keep_dtype(adopt(alias.storage(), device_.index()));
      }
      impl->set_storage_offset(alias.storage_offset());
      impl->set_sizes_and_strides(alias.sizes(), alias.strides());
    }
  }

  IValue take(const IValue& value) {
    if (value.isTensor()) return take(value.toTensor());
    if (!value.isTensorList()) return value;
    c10::List<at::Tensor> taken;
    for (const at::Tensor& tensor : value.toTensorVector()) taken.push_back(take(tensor));
    return taken;
  }

 private:
  at::Tensor show(const at::Tensor& tensor) {
    if (!is_simulated(tensor)) return tensor;
    for (const auto& [original, alias] : pairs_) {
      if (original.is_same(tensor)) return alias;
    }
    pairs_.emplace_back(tensor, cpu_alias(tensor));
    return pairs_.back().second;
  }

  // A result is an argument itself, a view of one, or new memory.
  at::Tensor take(const at::Tensor& result) {
    if (!result.defined() || !result.device().is_cpu()) return result;
    TORCH_CHECK_NOT_IMPLEMENTED(result.layout() == c10::kStrided && !result.is_quantized() && !result.is_nested(),
                                "simulated GPU: sparse, quantized or nested tensors on the GPU need a real GPU and are not "
                                "simulated");
    for (const auto& [original, alias] : pairs_) {
      if (alias.is_same(result)) return original;
      if (alias.storage().unsafeGetStorageImpl() == result.storage().unsafeGetStorageImpl()) {
        return device_tensor(original.storage(), result);
      }
    }
    return device_tensor(adopt_once(result.storage()), result);
  }

  // Results that share memory keep sharing it.
  c10::Storage adopt_once(const c10::Storage& cpu) {
    for (const auto& [given, adopted] : adopted_) {
      if (given.unsafeGetStorageImpl() == cpu.unsafeGetStorageImpl()) return adopted;
    }
    adopted_.emplace_back(cpu, adopt(cpu, device_.index()));
    return adopted_.back().second;
  }

  c10::Device device_;
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;  // (on the device, its CPU alias)
  std::vector<std::pair<c10::Storage, c10::Storage>> adopted_;  // (of the CPU kernel, of the device)
};

// A GPU generator brings a CPU tensor's operation here too. ATen/core/Generator.h, check_generator, as the CPU kernel calls it.
void refuse_generator_of_another_device(const IValue& generator, c10::ArrayRef<IValue> arguments) {
  if (!generator.isGenerator()) return;
  const bool on_cpu = std::any_of(arguments.begin(), arguments.end(), [](const IValue& value) {
    return value.isTensor() && value.toTensor().defined() && value.toTensor().device().is_cpu();
  });
  const bool on_device = std::any_of(arguments.begin(), arguments.end(), [](const IValue& value) {
    return value.isTensor() && is_simulated(value.toTensor());
  });
  TORCH_CHECK(!on_cpu || on_device, "Expected a 'cpu' device type for generator but found '",
              generator.toGenerator().device().type(), "'");
}

// The generator that the CPU kernel draws from: a fresh one on the device's stream, never the CPU's own.
IValue random_stream(const IValue& generator, c10::Device device) {
  return next_stream(generator.isGenerator() ? generator.toGenerator() : default_generator(device.index()));
}

bool is_failed_assert(const char* message) {
  const std::string text(message);
  return text.find("out of bounds") != std::string::npos || text.find("index out of range") != std::string::npos ||
         text.find("should be between 0 and 1") != std::string::npos;
}

void call_cpu_kernel(const c10::OperatorHandle& op, const Operation& operation, torch::jit::Stack* stack) {
  if (!operation.asserts_on_device) return op.redispatchBoxed(c10::DispatchKeySet(DispatchKey::CPU), stack);
  try {
    op.redispatchBoxed(c10::DispatchKeySet(DispatchKey::CPU), stack);
  } catch (const c10::Error& error) {
    if (is_failed_assert(error.what_without_backtrace())) {
      fail_device_assert(op.schema().name(), error.what_without_backtrace());
    }
    throw;
  }
}

}  // namespace

void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  check_context_alive();
  const auto& schema = op.schema();
  const Operation& operation = describe(op);
  const size_t first = stack->size() - schema.arguments().size();
  const c10::ArrayRef<IValue> arguments(stack->data() + first, schema.arguments().size());

  if (operation.generator >= 0) refuse_generator_of_another_device(arguments[operation.generator], arguments);
  const c10::Device device = device_of(arguments);
  check_placement(operation.rule, schema, arguments, device);
  TORCH_CHECK_NOT_IMPLEMENTED(operation.has_cpu_kernel, "simulated GPU: ", schema.operator_name(),
                              " needs a real GPU and is not simulated");

  CpuView view(device);
  for (size_t i = 0; i < schema.arguments().size(); ++i) {
    IValue& value = (*stack)[first + i];
    value = static_cast<int>(i) == operation.generator ? random_stream(value, device) : view.show(value);
  }
  call_cpu_kernel(op, operation, stack);
  view.take_back_resized();
  for (size_t i = stack->size() - schema.returns().size(); i < stack->size(); ++i) (*stack)[i] = view.take((*stack)[i]);
}

}  // namespace simgpu

TORCH_LIBRARY_IMPL(_, CUDA, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&simgpu::run_on_cpu>()); }
