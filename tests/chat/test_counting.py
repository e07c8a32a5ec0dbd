"""The counters of models: learnt from answers, kept in the store, the same for everybody who asks."""

import threading
from typing import Any

import palaver
from palaver import Message, NewMessage, Reasoning, Store, Text, ToolCall, Usage
from palaver.chat.counting import Counters
from palaver.context.attachments import Image
from palaver.context.calibration import ENOUGH, VERSION, Calibrated, read
from palaver.context.prompt import Prompt, Sent, branch_of, build_prompt
from palaver.context.tokens import Counter, Plain
from tests.conftest import OpenStore
from tests.support import texts
from tests.support.factories import an_answer

NAME = "calibration/local/tiny"
PER_MESSAGE, PER_PROMPT = 5, 4
MESSAGES = [text for kind in texts.to_learn().values() for text in kind]


def tokens_of(text: str) -> int:
    """A model with small words."""
    return len(text.encode()) // 2


def a_prompt(*messages: NewMessage, counter: Counter | None = None) -> Prompt:
    return build_prompt(branch_of(messages), window=100_000, counter=counter or Plain())


def told(prompt: Prompt) -> int:
    said = [part.text for sent in prompt.messages for part in sent.parts if isinstance(part, Text)]
    return sum(map(tokens_of, said)) + PER_MESSAGE * len(prompt.messages) + PER_PROMPT


def answered(text: str, prompt: Prompt, **fields: Any) -> NewMessage:
    usage = Usage(input_tokens=told(prompt), output_tokens=tokens_of(text) + 1)
    return an_answer(text, **{"usage": usage, **fields})


def closed(answer: NewMessage, store: Store) -> Message:
    """The answer as it comes out of the store."""
    session = store.create_session()
    (stored,) = store.append(session.id, answer)
    return stored


def answers_known(store: Store) -> int:
    known = read(store.get_preference(NAME))
    return known.answers if known else 0


def teach(counters: Counters, store: Store, answers: int, model: str = "tiny") -> None:
    for turn in range(answers):
        prompt = a_prompt(palaver.user(MESSAGES[turn * 2 % 40]), counter=counters.of("local", model))
        counters.learn("local", model, prompt, closed(answered(MESSAGES[turn * 2 % 40 + 1], prompt), store))


def test_a_model_of_which_nothing_is_known_is_counted_plainly(store: Store) -> None:
    assert isinstance(Counters(store).of("local", "tiny"), Plain)


def test_a_counter_learns_from_answers_and_only_for_their_model(store: Store) -> None:
    counters = Counters(store)
    teach(counters, store, ENOUGH)
    assert isinstance(counters.of("local", "tiny"), Calibrated)
    assert isinstance(counters.of("local", "other"), Plain)
    assert isinstance(counters.of("other", "tiny"), Plain)


def test_after_a_restart_it_is_the_same_counter(open_database: OpenStore) -> None:
    store = open_database()
    counters = Counters(store)
    teach(counters, store, ENOUGH + 3)
    before = counters.of("local", "tiny")
    store.close()
    after = Counters(open_database()).of("local", "tiny")
    tried = [text for kind in texts.to_try().values() for text in kind]
    assert list(map(before.count, tried)) == list(map(after.count, tried))
    assert (before.per_message, before.per_prompt) == (after.per_message, after.per_prompt)


def test_a_counter_does_not_change_while_it_is_used(store: Store) -> None:
    counters = Counters(store)
    teach(counters, store, ENOUGH)
    counter = counters.of("local", "tiny")
    assert counters.of("local", "tiny") is counter
    before = counter.count(MESSAGES[0])
    teach(counters, store, 5)
    assert counter.count(MESSAGES[0]) == before
    assert counters.of("local", "tiny") is not counter


def test_two_who_learn_of_one_model_learn_from_each_other(open_database: OpenStore) -> None:
    one, two = open_database(), open_database()
    first, second = Counters(one), Counters(two)
    for _ in range(ENOUGH // 2):
        teach(first, one, 1)
        teach(second, two, 1)
    assert answers_known(one) == ENOUGH
    assert isinstance(second.of("local", "tiny"), Calibrated)


def test_many_threads_learn_without_losing_an_answer(store: Store) -> None:
    counters = Counters(store)
    threads = [threading.Thread(target=teach, args=(counters, store, 5)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers_known(store) == 30


def test_another_actor_has_counters_of_its_own(store: Store) -> None:
    teach(Counters(store), store, ENOUGH)
    assert isinstance(Counters(store.as_actor("somebody")).of("local", "tiny"), Plain)


def test_what_a_newer_version_has_learnt_is_neither_used_nor_overwritten(store: Store) -> None:
    newer = {"version": VERSION + 1, "what": "nobody here knows"}
    store.put_preference(NAME, newer)
    counters = Counters(store)
    teach(counters, store, ENOUGH)
    assert store.get_preference(NAME) == newer
    assert isinstance(counters.of("local", "tiny"), Calibrated)


def test_with_a_store_that_cannot_be_written_it_is_learnt_for_this_run(open_database: OpenStore) -> None:
    store = open_database()
    prompt = a_prompt(palaver.user(MESSAGES[0]))
    answers = [closed(answered(MESSAGES[n], prompt), store) for n in range(ENOUGH)]
    counters = Counters(store)
    store.close()
    for answer in answers:
        counters.learn("local", "tiny", prompt, answer)
    assert isinstance(counters.of("local", "tiny"), Calibrated)


def test_a_model_whose_name_is_no_name_of_a_preference_is_learnt_for_this_run(store: Store) -> None:
    counters = Counters(store)
    model = "a\n" + "b" * 1_000
    teach(counters, store, ENOUGH, model)
    assert isinstance(counters.of("local", model), Calibrated)
    assert store.list_preferences("calibration/") == {}


def learnt_answers(store: Store, prompt: Prompt, answer: NewMessage) -> int:
    Counters(store).learn("local", "tiny", prompt, closed(answer, store))
    known = read(store.get_preference(NAME))
    return len(known.recent) if known else 0


def test_an_answer_without_usage_teaches_nothing(store: Store) -> None:
    prompt = a_prompt(palaver.user(MESSAGES[0]))
    assert learnt_answers(store, prompt, an_answer(MESSAGES[1])) == 0
    assert (
        learnt_answers(store, prompt, an_answer(MESSAGES[1], usage=Usage(input_tokens=0, output_tokens=0)))
        == 0
    )


def test_of_an_answer_that_was_stopped_only_the_prompt_is_learnt(store: Store) -> None:
    prompt = a_prompt(palaver.user(MESSAGES[0]))
    assert learnt_answers(store, prompt, answered(MESSAGES[1], prompt, status="cancelled")) == 1


def test_a_prompt_with_an_image_tells_nothing_of_its_text(store: Store) -> None:
    image = Image("a.png", "image/png", b"", 1_000)
    plain = a_prompt(palaver.user(MESSAGES[0]))
    prompt = Prompt(
        messages=(Sent("user", (Text(MESSAGES[0]), image), 1_100),), tokens=1_100, used=1_100, budget=8_000,
        limit=8_000, window=10_000, truncated=False, left_out=(),
    )  # fmt: skip
    assert learnt_answers(store, prompt, answered(MESSAGES[1], plain)) == 1


def test_reasoning_that_is_told_apart_is_not_taken_for_the_answer(store: Store) -> None:
    prompt = a_prompt(palaver.user(MESSAGES[0]))
    thoughts = Reasoning(MESSAGES[2] * 5)
    apart = Usage(
        output_tokens=tokens_of(thoughts.text + MESSAGES[1]), reasoning_tokens=tokens_of(thoughts.text)
    )
    within = Usage(output_tokens=tokens_of(thoughts.text + MESSAGES[1]))
    parts = (thoughts, Text(MESSAGES[1]))
    taught = []
    for model, usage in (("apart", apart), ("within", within)):
        counters = Counters(store)
        for _ in range(ENOUGH):
            counters.learn("local", model, prompt, closed(an_answer("", parts=parts, usage=usage), store))
        taught.append(counters.of("local", model).count(MESSAGES[1]))
    assert all(abs(count / tokens_of(MESSAGES[1]) - 1) < 0.1 for count in taught)


def test_a_call_counts_with_its_arguments(store: Store) -> None:
    prompt = a_prompt(palaver.user(MESSAGES[0]))
    call = ToolCall("1", "search", {"words": MESSAGES[1]})
    usage = Usage(output_tokens=tokens_of("search" + MESSAGES[1]) + 12)
    assert learnt_answers(store, prompt, an_answer("", parts=(call,), usage=usage)) == 1


def test_what_the_provider_told_of_an_answer_is_not_estimated_again(store: Store) -> None:
    """Answers whose tokens are told cost what was told; only the rest of the prompt is learnt from."""
    counters = Counters(store)
    said = [palaver.user(MESSAGES[0])]
    for turn in range(ENOUGH):
        counter = counters.of("local", "tiny")
        prompt = a_prompt(*said, counter=counter)
        strange = palaver.assistant("ha " * 200, usage=Usage(output_tokens=500))
        costs = 500 * sum(sent.role == "assistant" for sent in prompt.messages)
        questions = sum(tokens_of(message.text) for message in said if message.role == "user")
        usage = Usage(
            input_tokens=questions + costs + PER_MESSAGE * len(said) + PER_PROMPT,
            output_tokens=tokens_of(MESSAGES[turn + 1]),
        )
        counters.learn("local", "tiny", prompt, closed(an_answer(MESSAGES[turn + 1], usage=usage), store))
        said += [strange, palaver.user(MESSAGES[turn + 1])]
    prompt = a_prompt(*said, counter=counters.of("local", "tiny"))
    true = (
        sum(500 if m.role == "assistant" else tokens_of(m.text) for m in said)
        + PER_MESSAGE * len(said)
        + PER_PROMPT
    )
    assert abs(prompt.tokens / true - 1) < 0.03
