"""The plain words that claims are made of. Every other word must stand in a cited fact or in the chosen hypothesis.

A closed list, because the opposite fails: whoever lists the phrases by which a cause may be smuggled in ("due to",
"led to", "smells of") misses the next one, while a cause that nobody chose needs a noun that no fact holds. So the
list describes movement, time, amount and doubt; it holds no noun that could be a cause, a person or a machine.
"""

from __future__ import annotations

import re

PLAIN = """
a about above across after afterwards again against ago all almost along alone already also although always am among an
and another any anything appear approach apart are around as at away back barely baseline be became because become been
before began begin being below beside besides between beyond both briefly but by came can cannot clear clearly close
closely come compare comparison consistent continue could current currently day days despite did differ difference
different direct directly do does done down during each earlier earliest early either else elsewhere end enough entire
equal especially even eventually every everything evidence exact exactly except expect fact factor facts far few fewer
final finally find finding findings first five fit follow for former four from full fully further gave general
give go goes gone good great greater greatly had half happen hardly has have he hence here high higher highest hold hour
hours how however if immediate immediately in incident include indeed indicate instead into is it its itself just keep
kind know known lag large largely larger largest last late later latest latter least leave less level levels like
likely little long longer look low lower lowest made main mainly make many margin match matter may mean meanwhile
measure merely might minute minutes moment month more most mostly move movement much must near nearly neither never new
next no none nor normal normally not notable notably note nothing now number numbers observe occur of off often old on
once one only onset onward onwards open opposite or order other others otherwise our out outside over overall own pair
part partly past peak per percent percentage period picture place plain point points possible possibly precede present
previous previously prior probable probably quick quickly quite range rapid rapidly rate rather ratio reach read reading
readings record recover relate related remain report result return rise root roughly round run said same saw say second
seconds see seem seen separate series set settle settled seven several sharp sharply short shortly should show shown
sigma sign signal signals signs similar similarly simultaneous since single six size slight slightly slow slowly small
smaller so soon some something sometimes soon speak specific stand start state stay steadily steady step steep steeply
still stop strong strongly substantial substantially such sudden suddenly suggest support sure symptom symptoms take
taken ten than that the their them then there therefore these they thing this those though three through throughout
thus time times to together too top total toward towards trouble turn twice two typical typically unchanged uncertain
unclear under unknown unlikely until unusual unusually up upon us usual usually utc value values very via visible was
way we weak week weigh weight well went were what when where whereas which while who whole whose why wide widely with
within
without would yet zero
affect alongside cite concern concur correlate count degrade departure deviate deviation event explain hypothesis
impact initial interval lead line magnitude marked markedly moderate moderately multiple occurrence pattern persist
pronounced respective respectively sequence shift significant significantly subsequent subsequently sustain
tell timing trend unaffected value variation worse worsen favour favor argue cause unconfirmed probability
verdict chance odds side candidate leading explanation alternative rest remainder anomaly abnormal
model models infrastructure service services node nodes feature features segment
serve replace version versions alias began reaching hit
seven eight nine hundred thousand million double triple quadruple halve tenfold twofold threefold fourfold
picked shot slid

aside aware behind beneath bring brought carry chiefly coincide come confirm contrast correspond decide depend determine
displace display divide draw drawn drew due emerge equally equivalent essentially exhibit extent extreme extremely fair
fairly firm firmly fit fitting focus forth found fresh further get got gradual gradually happen heavily heavy held
help hint hour idea imply important infer inside interest involve isolate join judge jointly keep left let lie lies line
lived locate loud lying maintain major minor miss missing modest mild modestly moderate namely narrow necessarily
necessary negligible noticeable noticeable notice numerous obvious obviously occasion ought outlier outlying pace
parallel particular particularly perhaps plainly plausible plus pin precise precisely presence presume principal proceed
progress proportion put quantity quarter quiet ran recent recently refer regard relevant repeat require
resemble respect respond response reveal rough seek seldom sense share side sit sits sitting situation
slope solely somewhat span spread stage stand stayed still stretch strength strike summary surely swift swiftly
synchronous tend term tie together touch track true truly try unclear understand unlike unsettled use used
using vary versus view virtually wait watch whenever wherever whether wholly wonder work
able absence absent absolute absolutely accept accord accordance according accordingly account accurate achieve actual
actually adapt add addition additionally adjust admit advance adverse agree aim albeit align alike allow alter amid
amount analyse analyze announce answer anyway apply arise arrive ascertain ask assert assess assign associate assume
attain attend attract avoid await balance base bear beat beforehand believe belong bend benefit best better bit blend
blink body bound brief broad broadly busy calculate call calm capture care careful carefully case categorical cease
centre certain certainly chain change check choice choose chose chosen circumstance claim class classify climb combine
comment common commonly complete completely complex compose comprise compute conclude conclusion condition confidence
confident confine conflict confuse connect connection consequent consequently consider considerable considerably
constant constantly constitute contain content contradict contrary contribute contributor convey convince cope core
correct correctly counter course create creep critical crucial cumulative curious curve daily dark date deal dearly
debate deep deeply defer define definite definitely deliver demonstrate deny depict derive describe description
deserve desire detail detect detection develop difficult dim diverge dominant dominate doubt downwards drastic
drastically dramatic dramatically drive driven duration eager ease easily easy echo effect effective effectively
elapse element elicit embody emphasise enable encounter endure engineers ensue ensure enter entail entity essence
essential establish estimate evaluate evident evidently evolve examine example exceptional exceptionally excess
excessive exclude exclusive exclusively exist expand expectation experience explicit explicitly express extend extra
face fail faint fall false familiar fashion fast faster feel fifth fill fix float flow fluctuate following footing
foregoing foremost form formal formerly forward fourth fraction frequency frequent frequently front fundamental future
gap gather generally generate gently genuine given giving global goal granted grasp grave ground group guess halfway
halt hand handle heading heed height hereby hesitate hide highlight hinge history hover huge hugely hundredfold ideal
identical identify ignite illustrate imagine imminent impair imperfect implicate impose impression improve inch
incline incomplete inconclusive inconsistent increment incremental independent independently individual inevitable
inevitably influence inform information initially inquire insight insist inspect instance instant instantly
insufficient intact intend intense intensify intention intermittent interpret introduce investigate involvement
irregular irrelevant item jagged joint justify keen landed lasting lateral lengthy lengthen letting lift limit linear
linger listed literally located logical lone loose loosely manifest manner matched material meaning meaningful mention
mere mid middle midway min minimal minimum mix mixed mode momentarily monotone moreover motion mutual mutually natural
naturally nature necessity need negative neutral nevertheless newly nonetheless norm notion obey object objective
observation obtain occasional occasionally occupy odd offer offset ongoing operate opinion oppose ordinary orient
original originally outcome outline outset outweigh overlap overtake owe paint paragraph parity participate pass pause
pending people perceive perfect perfectly perform permanent permit perspective phase phenomenon physical piece
pinpoint pivot placed play plot portion pose position positive possess post potential potentially practical
practically practice precedent predict predominant predominantly prefer preliminary prepare presumption pretty prevail
prevent produce profile prominent proof proper properly property propose prove provide proximity pull purely pursue
push qualify quadruplicate qualitative question quickest quietly quote raise ramp randomly rank rare rarely rationale
real realise realistic really reason reasonable reasonably rebound recall receive reckon recognise reconsider
rediscover redouble reference reflect regain regular regularly reinforce reiterate reject relation relationship
relative relatively reliable reliably rely remark remarkable remarkably remember remind remote removal render
repeatedly representation represent requirement resist resolve resort respectable resume retain reverse reversed
review revise right rival routine row rush salient satisfy scarce scarcely scenario scope secondary section select
self semblance sensible sensitive sentence separately serious seriously severe severely shape sheer shrink shut sight
simple simply simultaneously situate skip smooth smoothly snapshot snap soft solid solve sometime sort sought space
speculate speed spent split spot square stability stabilise stabilize stagger standard standing stark starkly
statement static statistical statistically status stays stick story straight straightforward strange strict strictly
striking strikingly structure struggle study stuff style subject subside subset subtle succeed success succession
successive suffer suffice sufficient sufficiently sum super supplement suppose surface surpass surprise surprising
surprisingly surround suspect suspicious sustained sway switch systematic tail tally target technical temporarily
temporary tentative tentatively thereby thereafter thereof third thorough thought tight tightly tilt tiny title today
tone totally transient transition transpire treat tremendous trivial twin ultimate ultimately unaccounted unambiguous
unavailable uncommon underlie underline undergo underscore underpin undoubted undoubtedly uneven unexpected
unexpectedly unexplained uniform uniformly unique unrelated unresolved untouched upper upset utmost validate vanish
variable variant vast vastly verge verify vertical vice viewpoint volatile wane want ward warrant watchful weaken wise
wish witness word worth worst write written yield
arose awoke bore bent bet blew broadened cast caught clung crept dealt dwelt felt fled flew forgot froze hung knew
laid led lent lit meant met overcame overtook paid pointed proved rang rode sent shone spoke spun sprang strove struck
swung taught threw told took undergone understood underwent withdrew wore wound wrote departed data dates aligns
newest steadier visibly numerically quantities evidenced signalled travelled totalled levelled onto whilst amongst
ours theirs ourselves themselves somebody anybody nobody everybody someone everyone
"""

# Words of direction are listed with the check that holds them against the facts; they are plain words too.
UP_WORDS = """
rose rise rises risen rising raise raised raises up upward upwards increase increased increases increasing climb climbed
climbs climbing grew grow grows grown growing jump jumped jumps jumping surge surged surging spike spiked spikes spiking
higher highest above exceed exceeded exceeds exceeding double doubled triple tripled quadrupled twofold threefold
tenfold soar soared soaring gain gained gains elevated more rocketed skyrocketed swelled mounted escalated ballooned
leapt leaped accelerated over ascended heightened
"""
DOWN_WORDS = """
fell fall falls fallen falling down downward downwards decrease decreased decreases decreasing drop dropped drops
dropping decline declined declines declining sank sink sinks sunk shrank shrink shrunk lower lowered lowest below halved
halving reduced reduce reduces plunge plunged plunges plummet plummeted dip dipped dips tumble tumbled slid slide slides
slipped slip lost lose diminish diminished less fewer collapsed collapse receded eroded dwindled sagged nosedived
under descended crashed
"""
STILL_WORDS = "unchanged steady stayed flat stable quiet"
# Said of amounts and places as well as of movement: "more than", "over an hour", "under that".
WEAK_WORDS = "more less fewer over under"


def words_of(text: str) -> frozenset[str]:
    """A list of words as people read it, as a set."""
    return frozenset(text.split())


UP, DOWN, STILL = words_of(UP_WORDS), words_of(DOWN_WORDS), words_of(STILL_WORDS)
WEAK = words_of(WEAK_WORDS)
KNOWN = words_of(PLAIN) | UP | DOWN | STILL
WORD = re.compile(r"[A-Za-z]+(?:['\u2019][a-z]+)?")
ENDINGS = ("'s", "\u2019s", "s", "es", "ed", "d", "ing", "ly", "er", "est", "n't", "n\u2019t", "'ve", "'ll", "'re")


def plain(word: str) -> bool:
    """Whether a word, or what it inflects, is a plain one.

    >>> plain("deviated"), plain("showing"), plain("hackers")
    (True, True, False)
    """
    lowered = word.lower()
    if lowered in KNOWN or len(lowered) == 1:
        return True
    stems = [lowered.removesuffix(ending) for ending in ENDINGS if lowered.endswith(ending)]
    return any(
        stem in KNOWN or f"{stem}e" in KNOWN or (stem[-2:-1] == stem[-1:] and stem[:-1] in KNOWN)
        for stem in stems
        if len(stem) > 2
    )


def strange_words(text: str, *, given: frozenset[str]) -> set[str]:
    """Words of a sentence that are neither plain nor given by facts and hypothesis (lower case)."""
    return {word.lower() for word in WORD.findall(text) if not plain(word) and not _given(word.lower(), given)}


def _given(word: str, given: frozenset[str]) -> bool:
    return word in given or word.removesuffix("s") in given or f"{word}s" in given
