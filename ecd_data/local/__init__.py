"""A text-generation endpoint with a small model, and a Hub, both on this machine only."""


def environment(tgi_url: str | None, hub_url: str | None, hub_token: str | None) -> dict[str, str]:
    """Return the variables that make `ecd_data`, `datasets` and `huggingface_hub` use the services with a URL.

    The Hub's libraries read theirs when they are imported.
    """
    variables = {}
    if tgi_url:
        variables["ECD_ENDPOINT"] = tgi_url
    if hub_url and hub_token:
        # The local Hub does not speak Xet; without this a push waits over a minute before it fails.
        variables |= {"HF_ENDPOINT": hub_url, "HF_TOKEN": hub_token, "HF_HUB_DISABLE_XET": "1"}
    return variables
