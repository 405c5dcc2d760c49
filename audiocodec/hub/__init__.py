"""Models on the Hugging Face Hub, and any server that speaks its routes: fetch and push.

`huggingface_hub` is imported by the functions that need it, never by importing this package.
"""

from .cached import CachedModel as CachedModel
from .cached import cached_models as cached_models
from .fetching import Fetched as Fetched
from .fetching import fetch as fetch
from .known import KnownModel as KnownModel
from .known import known_model as known_model
from .known import known_models as known_models
from .names import looks_like_hub_name as looks_like_hub_name
