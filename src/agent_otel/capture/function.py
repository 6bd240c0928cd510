"""What stands in for a function: wrapt's wrapper, which can also be copied and pickled where the function could."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    _Bound = wrapt.BoundFunctionWrapper[Any, Any]
    _Function = wrapt.FunctionWrapper[Any, Any]
else:
    _Bound = wrapt.BoundFunctionWrapper
    _Function = wrapt.FunctionWrapper


class Method(_Bound):
    """A function that was looked up on an object or a class."""

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        owner = getattr(self.__wrapped__, "__self__", None)
        return self if owner is None else getattr(copy.deepcopy(owner, memo), self.__name__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A method is pickled as its object and its name, so what comes back is wrapped where it is needed.
        return self.__wrapped__.__reduce_ex__(protocol)


class Function(_Function):
    """A wrapped function. It is pickled by its name, as every function is: process pools and ``deepcopy`` take it."""

    __bound_function_wrapper__ = Method

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__qualname__
