"""The names of all checks, so that one that is misspelt is told instead of matching nothing for ever."""

from __future__ import annotations

from difflib import get_close_matches

from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisWarning

_OWN = """
    answer_conforms answered arguments_named body broken_answer_refused content_type content_type_survived
    contract_served distinct_ids documented_error_raised download_refused download_whole download_without_key
    drifted_answer_kept edge_accepted edge_refused empty_answer_is_none end_is_stable engine_error
    error_status_raised failure_raised file_as_named file_served file_stable file_whole forced_example forced_status
    header invalid_input_refused job_ends job_has_id job_id_told job_id_usable job_succeeds jobs_apart key_accepted
    key_empty key_in_place key_misnamed key_misplaced key_missing key_not_echoed key_not_told key_nowhere_else
    key_without_prefix key_wrong limit_held limit_not_early limit_passes limit_told link_followed linked_job_known
    malformed_body_refused method one_end only_client_errors operation_offered path polls_the_link
    polls_until_the_end query redirect_not_followed result_told result_when_done results_apart resumed_by_polling
    retried_where_safe retries_bounded retry_after_kept sent_once state_in_step state_never_goes_back states_told
    submit_accepted submitted_job_known succeeds_once success_returned timeout_raised tolerable_answer_kept
    transport_error_raised uncertainty_told unknown_id_refused unknown_path_refused unknown_state_waited
    valid_answer_kept valid_input_sent wait_survives
"""


def check_names() -> frozenset[str]:
    """Every check that a run could make: our own, Schemathesis', and its warnings."""
    warnings = (f"warning_{warning.value}" for warning in SchemathesisWarning)
    return frozenset([*_OWN.split(), *CHECKS.get_all_names(), *warnings])


def nearest_check(name: str) -> str:
    """The name of a check that is written most like a text."""
    return get_close_matches(name, sorted(check_names()), n=1, cutoff=0.0)[0]
