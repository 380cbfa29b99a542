#include "placement.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/op_registration/adaption.h>

namespace simgpu {
namespace {

DeviceRules g_rules;

const std::unordered_set<std::string> kCopies{"aten::copy_", "aten::copy", "aten::_to_copy", "aten::is_pinned",
                                              "aten::_local_scalar_dense", "aten::set_", "aten::_copy_from"};
const std::unordered_set<std::string> kIndexing{"aten::index", "aten::_unsafe_index"};
const std::unordered_set<std::string> kIndexPuts{"aten::index_put", "aten::index_put_", "aten::_index_put_impl_",
                                                 "aten::_unsafe_index_put"};

// torchgen/dest/register_dispatch_key.py: how the generated function that checks the devices is named.
std::string wrapper_name(const c10::FunctionSchema& schema) {
  const auto structured = g_rules.wrappers.find(toString(schema.operator_name()));
  if (structured != g_rules.wrappers.end()) return structured->second;
  return "wrapper_CUDA_" + schema.overload_name() + "_" + schema.name().substr(schema.name().find("::") + 2);
}

Placement placement_of(const c10::FunctionSchema& schema) {
  if (kCopies.count(schema.name())) return Placement::kAny;
  if (kIndexing.count(schema.name())) return Placement::kIndex;
  if (kIndexPuts.count(schema.name())) return Placement::kIndexPut;
  return g_rules.unchecked.count(toString(schema.operator_name())) ? Placement::kScalarsOnCpu : Placement::kSame;
}

template <typename Visit>
void for_each_tensor(const c10::IValue& value, const Visit& visit) {
  if (value.isTensor()) {
    visit(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) visit(tensor);
  } else if (value.isOptionalTensorList()) {
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
      if (tensor) visit(*tensor);
    }
  }
}

// c10/core/op_registration/adaption.h: check_and_update_common_device, with its own error.
void check_same(const PlacementRule& rule, const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> arguments) {
  std::optional<c10::Device> common;
  for (size_t i = 0; i < arguments.size(); ++i) {
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      if (!tensor.defined()) return;
      if (!common) common = tensor.device();
      if (*common != tensor.device()) {
        c10::impl::common_device_check_failure(*common, tensor, rule.method.c_str(), schema.arguments()[i].name().c_str());
      }
    });
  }
}

[[noreturn]] void fail_two_devices(c10::Device one, c10::Device other) {
  TORCH_CHECK(false, "Expected all tensors to be on the same device, but found at least two devices, ", one, " and ", other,
              "!");
}

bool is_cpu_scalar(const at::Tensor& tensor) { return tensor.device().is_cpu() && tensor.dim() == 0; }

// ATen/TensorIterator.cpp: compute_types, which takes CPU scalars among the inputs, never as an output.
void check_scalars_on_cpu(const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> arguments, c10::Device device) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto* alias = schema.arguments()[i].alias_info();
    const bool is_output = alias && alias->isWrite();
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      if (!tensor.defined() || tensor.device() == device || (is_cpu_scalar(tensor) && !is_output)) return;
      fail_two_devices(device, tensor.device());
    });
  }
}

// ATen/native/IndexingUtils.h and TensorAdvancedIndexing.cpp: indices are moved to self, from the CPU only.
void check_indices(const at::Tensor& self, const c10::IValue& indices) {
  for_each_tensor(indices, [&](const at::Tensor& index) {
    TORCH_CHECK(!index.defined() || index.device().is_cpu() || index.device() == self.device(),
                "indices should be either on cpu or on the same device as the indexed tensor (", self.device(), ")");
  });
}

}  // namespace

void set_device_rules(DeviceRules rules) { g_rules = std::move(rules); }

PlacementRule placement_rule(const c10::FunctionSchema& schema) { return {placement_of(schema), wrapper_name(schema)}; }

void check_placement(const PlacementRule& rule, const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> arguments,
                     c10::Device device) {
  switch (rule.placement) {
    case Placement::kAny:
      return;
    case Placement::kSame:
      return check_same(rule, schema, arguments);
    case Placement::kScalarsOnCpu:
      return check_scalars_on_cpu(schema, arguments, device);
    case Placement::kIndex:
      return check_indices(arguments[0].toTensor(), arguments[1]);
    case Placement::kIndexPut: {
      const at::Tensor& self = arguments[0].toTensor();
      const at::Tensor& values = arguments[2].toTensor();
      check_indices(self, arguments[1]);
      if (values.device() != self.device() && values.dim() > 0) fail_two_devices(self.device(), values.device());
      return;
    }
  }
}

}  // namespace simgpu
