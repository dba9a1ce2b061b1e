"""Numbers of one country in the form that machines send: its code, then a valid national number.

Pure. One expression made of the plan says for nearly every number of a day what the library's
parsing and validating say in fifty times as long; it matches only where they leave no doubt.
"""

import re
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata

# Matches nothing.
NONE = re.compile(r"(?!)")

# As in the library's own test of validity: one of these, beside the general description.
KINDS = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)


@cache
def international_form(region: str) -> re.Pattern[str]:
    """Give the expression of digits that surely are a number of this region, its code in front.

    For regions that share their code with a larger one, and unknown ones, it matches nothing.
    """
    plan = PhoneMetadata.metadata_for_region(region)
    code = None if plan is None else plan.country_code
    if plan is None or code is None or plan.general_desc is None:
        return NONE
    if phonenumbers.region_code_for_country_code(code) != region:
        return NONE
    kinds = [_numbers(getattr(plan, kind)) for kind in KINDS]
    # What could be dialled at home, to abroad, or with the prefix of the trunk is not this clear.
    doubts = [rf"(?:{plan.general_desc.national_number_pattern})\Z", plan.international_prefix]
    unclear = "|".join(f"(?:{doubt})" for doubt in doubts if doubt)
    prefix = plan.national_prefix_for_parsing
    no_prefix = f"(?!{prefix})" if prefix else ""
    # Where several regions share a code, a number that begins otherwise is another region's.
    own = f"(?={plan.leading_digits})" if plan.leading_digits else ""
    valid = rf"{own}(?={_numbers(plan.general_desc)}\Z)(?:{'|'.join(kinds)})"
    return re.compile(rf"(?!{unclear}){code}(?!0){no_prefix}{valid}", re.ASCII)


def _numbers(kind: phonenumbers.PhoneNumberDesc | None) -> str:
    if kind is None or not kind.national_number_pattern:
        return NONE.pattern
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in kind.possible_length)
    return f"(?={lengths})(?:{kind.national_number_pattern})"
