"""What personal data can be looked for, by the names that a configuration gives it."""

from __future__ import annotations

from typing import Literal

OwnPattern = Literal["email", "phone", "ssn", "credit_card"]
"""What is always looked for."""

CheckedPattern = Literal[
    "iban",
    "bitcoin",
    "au_tfn",
    "be_nn",
    "br_cpf",
    "ca_sin",
    "ch_ahv",
    "cl_rut",
    "cn_ric",
    "cz_rc",
    "de_idnr",
    "dk_cpr",
    "ee_ik",
    "es_nif",
    "fi_hetu",
    "fr_nir",
    "gb_nhs",
    "gr_amka",
    "ie_pps",
    "in_aadhaar",
    "in_pan",
    "is_kennitala",
    "it_codicefiscale",
    "jp_mynumber",
    "kr_rrn",
    "lt_asmens",
    "mx_curp",
    "my_nric",
    "no_fodselsnummer",
    "pk_cnic",
    "pl_pesel",
    "pt_cc",
    "ro_cnp",
    "se_personnummer",
    "si_emso",
    "th_pin",
    "tr_tckimlik",
    "us_itin",
    "za_idnr",
]
"""What is looked for where it is named: numbers that the library of the extra `pii` can check."""

PersonalPattern = Literal[OwnPattern, CheckedPattern]
