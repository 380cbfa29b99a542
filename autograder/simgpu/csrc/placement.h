// Which devices the tensors of one operation may be on: the rules that PyTorch's CUDA kernels follow.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <string>
#include <unordered_map>
#include <unordered_set>

namespace simgpu {

// Names ("aten::add.Tensor") as torchgen's native_functions.yaml gives them; see device_rules.py.
struct DeviceRules {
  std::unordered_set<std::string> unchecked;              // device_check: NoCheck; TensorIterator checks in its own way
  std::unordered_map<std::string, std::string> wrappers;  // of structured operations: the function that the error names
};
void set_device_rules(DeviceRules rules);

enum class Placement {
  kSame,           // generated code: every tensor on one device
  kScalarsOnCpu,   // TensorIterator: one device, but CPU tensors without dimensions may take part
  kIndex,          // x[i]: indices on the CPU or beside x
  kIndexPut,       // x[i] = v: the same, and v beside x unless it has no dimensions
  kAny,            // copies between devices
};

struct PlacementRule {
  Placement placement;
  std::string method;  // the name of the generated wrapper, which PyTorch's message quotes
};
PlacementRule placement_rule(const c10::FunctionSchema& schema);

// Raises PyTorch's own error when the arguments are not placed as the rule demands.
void check_placement(const PlacementRule& rule, const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> arguments,
                     c10::Device device);

}  // namespace simgpu
