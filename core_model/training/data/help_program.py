"""Help with the program: files, privacy, the terminal, speed and memory, settings, trouble."""

from __future__ import annotations

from core_model.training.data.intents import Intent

PROGRAM: tuple[Intent, ...] = (
    Intent(
        "privacy",
        """
        {is|are} {my data|this|it|my pictures|my files|my chats|everything|altiplano} {private|safe|secure}?;
        {do|does} {you|altiplano|this program|it} send {anything|my data|data|my pictures|something}[ anywhere| to
        the internet| to a server| to meta| to the cloud]?; does anything leave my {computer|machine}?; who can
        {see|read} {my chats|my data|this|what i write|my pictures}?; what about {privacy|my privacy|data
        protection}?; do you {collect|share|sell|upload} [my ]data?; are you {spying on me|watching
        me|listening}?; is this private?; does meta see {this|my data}?; privacy
        """,
        "Nothing leaves this computer. Pictures, questions and answers stay here, and there is no telemetry.",
    ),
    Intent(
        "file_types",
        """
        {what|which} {files|file types|formats|kinds of files|file formats|media} {do you|can you|does
        altiplano|can i|does it} {take|open|read|accept|support|use|understand|attach}?; what can i
        {drop|attach|open|upload|show you}[ here]?; which formats are supported?; what kind of files can i use?;
        what {picture|image} formats {are supported|do you read|work}?; supported {files|formats|file types}
        """,
        "Pictures: PNG, JPEG, WebP, GIF, BMP and TIFF. Drop anything else on the window to see whether "
        "this version reads it.",
    ),
    Intent(
        "pdf",
        """
        can {you|i|altiplano|it} {open|read|use|drop|attach} {a pdf|pdfs|pdf files|documents|a document|word
        files|a word document}?; <how> {open|read|attach|ask about} a {pdf|document|word document}?; does
        {it|altiplano} {support|read} {pdf|pdfs|documents}?; what about {pdf files|pdfs|documents}?; do you
        understand {pdf|documents}?; pdf?
        """,
        "Drop it on the window and see: pictures always work, and what this version cannot read it refuses in words.",
    ),
    Intent(
        "video",
        """
        can {you|i|altiplano|it} {open|read|use|attach|take|play} {a video|videos|a clip|video files|movies|a
        movie}?; <how> {open|attach|ask about|use} a {video|clip|movie}?; does {it|altiplano} {support|work
        with} {video|videos|clips}?; what about videos?; what happens with a {video|clip}?; how is a video
        read?
        """,
        "Drop it on the window and see: pictures always work, and what this version cannot read it refuses in words.",
    ),
    Intent(
        "audio",
        """
        can {you|i|altiplano|it} {open|use|attach|take|transcribe} {a recording|audio|sound|audio files|a sound
        file|an mp3|recordings|a voice message}?; <how> {open|attach|transcribe|use} {a recording|audio|an audio
        file|a voice message}?; does {it|altiplano} {support|work with} {audio|sound|speech|recordings}?; what
        about {audio|sound}?; how is speech turned into text?; what happens with a recording?
        """,
        "Drop it on the window and see: pictures always work, and what this version cannot read it refuses in words.",
    ),
    Intent(
        "folder",
        """
        can i {drop|open|attach|use} a {folder|directory}?; <how> {open|attach|ask about|use} a {folder|whole
        folder|directory}?; can i ask about {many|several|multiple} files[ at once]?; how many {files|pictures}
        can i {attach|use|drop|show}[ at once]?; can i attach {several|two|many|multiple}
        {files|pictures|images}?; more than one picture?
        """,
        "Yes: drop several pictures at once. The window says how many tokens they will take.",
    ),
    Intent(
        "terminal",
        """
        can i use {you|altiplano|this|it} {in|from} {the|a} {terminal|command line|shell|console}?; <how>
        {use|run|start} {altiplano|this|it|you} {in|from|on} {the|a} {terminal|command line|shell|console}?; is
        there a {command line|terminal version|cli|command line version}?; does it work without a window?; can i
        script {it|altiplano}?; what is the command for the terminal?; how do i ask from {a script|the
        terminal|python}?
        """,
        'Yes: python main.py ask "your question" answers in the terminal; add --image and a file\'s name '
        "to show a picture.",
    ),
    Intent(
        "server",
        """
        can {altiplano|it|you} {run as|be} a server?; is there an {api|openai api|http api|server}?; <how>
        {start|run|use} {a server|the server|the api}?; can other programs use {it|altiplano|the model}?; does
        it have an api?; openai compatible server?; can i use a {remote server|server|model on another machine}?
        """,
        "Run python main.py --help in a terminal: it lists all that this version can do there.",
    ),
    Intent(
        "speed",
        """
        why {are you|is it|is this|is scout|is the answer} {so |}slow?; <how> make {it|you|scout|this|the
        answers} faster?; how fast {are you|is it|is scout}?; can {it|you|scout} be faster?; it is {slow|too
        slow|very slow}; what makes it faster?; how many tokens {per|a} second?; why does it take so long?;
        speed up; how do i speed {it|scout} up?
        """,
        "A large model is as fast as its memory: more GPU memory holds more experts. Close other "
        "programs, use fewer pictures, or FP8 weights.",
    ),
    Intent(
        "gpu",
        """
        do you use {the|my} {gpu|graphics card}?; does {altiplano|it} use the gpu?; are you running on the
        {gpu|cpu}?; how do i use {my gpu|the gpu|cuda}?; {cpu or gpu|gpu or cpu}?; does it work without a
        {gpu|graphics card}?; can i run it on the cpu?; which {device|gpu} is used?; does it work with amd?;
        is cuda needed?
        """,
        "Altiplano uses a CUDA GPU when there is one, and the CPU otherwise. I am small enough for the CPU.",
    ),
    Intent(
        "memory_plan",
        """
        will {scout|it|the model} fit[ into my memory| on my machine| in memory]?; how do i know {if|whether}
        {scout|a model|it} fits?; where do i see {the memory|memory use|how much memory is used}?; how much
        memory {is used|does it take|does it use}?; what is the {plan|memory plan}?; what happens when i click
        the model's name?; out of memory, what now?; it says out of memory; not enough memory
        """,
        "Click the model's name at the top, then What rests where: it says what goes to the GPU and to "
        "RAM, and whether it fits.",
    ),
    Intent(
        "fp8",
        """
        what is {fp8|quantization|quantizing|a quantized model}?; <how> {quantize|shrink|compress} {a
        model|scout|the model|weights}?; can i {quantize|shrink|compress} {scout|a model|the weights}?; how do i
        make {scout|the model} smaller?; what does {fp8|quantize} mean?; fp8?; should i use fp8?
        """,
        "FP8 stores each weight in one byte, half of the usual, so a model needs half the memory. "
        "Altiplano opens such folders like any other.",
    ),
    Intent(
        "experts",
        """
        what are {experts|the experts}?; what is {an expert|a mixture of experts|mixture of experts|moe}?; how
        do the experts work?; what does {moe|mixture of experts} mean?; what is the expert {map|cache|store}?;
        how many experts {does scout have|are there|do you have}?; what is a router?
        """,
        "A mixture of experts has many small networks per layer and uses one of them for each token. Scout "
        "and I have 16 per layer.",
    ),
    Intent(
        "tokens",
        """
        what is a token?; what are tokens?; what does {token|tokens|tokens per second} mean?; how many tokens
        {does a picture take|is a picture|can i use}?; what is {the context|context length|a context window}?;
        how long can {a chat|my question|the text} be?; how much text can i {paste|write|send}?; is there a
        limit[ for text]?
        """,
        "A token is a piece of a word, or a small piece of a picture. The window counts them and says how "
        "many a model can hold.",
    ),
    Intent(
        "copy_answer",
        """
        <how> copy {an answer|the answer|the text|this|your answer|it|code}?; copy {the answer|this|that|it};
        can i copy {the answer|your answer|this text}?; where is the copy button?; how do i get the answer into
        {word|another program|an email}?
        """,
        "Click Copy under the answer, or select the text and press Ctrl+C.",
    ),
    Intent(
        "export",
        """
        <how> {export|save|print|share} {a chat|this chat|the chat|the conversation|an answer|my chats}?; export
        {this|the} {chat|conversation}; can i {export|save|print|share} {this chat|the chat|a chat|an answer}?;
        save this chat; how do i save an answer as a file?
        """,
        "Select the text and copy it with Ctrl+C. The chats themselves stay in the list on the left.",
    ),
    Intent(
        "branch",
        """
        what {does branch do|is a branch|is branch for}?; <how> {branch|fork|split} {a chat|the chat|a
        conversation|this chat|here}?; can i continue from an {earlier|older} {message|answer|point}?; how do i
        go back to an earlier {answer|message|point}?; branch
        """,
        "Look at the buttons under the answer: they show all that can be done with it.",
    ),
    Intent(
        "convert",
        """
        <how> {convert|turn|change} {a file|a video|audio|a recording|a picture|an answer} {into|to} {another
        format|text|pictures|sound|speech|something else}?; can {you|altiplano|it} convert {files|a
        file|media|formats|video to text|audio to text|text to speech}?; what does convert do?; convert {this|a
        file|my file}; is there a converter?
        """,
        "Look at the buttons under the answer: they show all that can be done with it.",
    ),
    Intent(
        "speak",
        """
        can you {speak|read aloud|talk|say it aloud|read the answer aloud|read it to me}?; <how> {hear|listen to}
        {an answer|the answer|you}?; read {the answer|it|this} aloud; can you read answers to me?; what does
        speak do?; is there text to speech?; speak the answer
        """,
        "Look at the buttons under the answer: they show all that can be done with it.",
    ),
    Intent(
        "theme",
        """
        <how> {use|get|turn on|switch to|activate|enable|set} {dark mode|the dark theme|the light theme|light
        mode|a dark theme}?; is there {a dark mode|a dark theme|dark mode}?; {dark|light} mode[ please]; it is
        too {bright|dark}; can i change the {colors|colours|theme|appearance|look}?; make it
        {dark|darker|light|brighter}
        """,
        "Open Settings with Ctrl+, and choose light, dark or the system's theme.",
    ),
    Intent(
        "font_size",
        """
        <how> {make|get} the {text|font|letters|writing} {larger|bigger|smaller}?; {larger|bigger|smaller}
        {text|font|letters}[ please]; the {text|font} is too {small|large|big}; can i {zoom|change the font
        size|make the text larger}?; i can't read it, it is too small; how do i zoom?; zoom
        """,
        "Open Settings with Ctrl+, and choose the text size.",
    ),
    Intent(
        "shortcuts",
        """
        {what|which} {shortcuts|keyboard shortcuts|keys} {are there|do you have|exist|can i use}?; {list|show}
        [me ][the ]{shortcuts|keyboard shortcuts|keys}; {shortcuts|keyboard shortcuts}; how do i use {the
        keyboard|it with the keyboard}?; is there a shortcut[ for that]?; which keys do what?
        """,
        "Ctrl+N starts a chat, Ctrl+O attaches a picture, Ctrl+K searches, Ctrl+, opens the settings, "
        "Enter sends and Esc stops.",
    ),
    Intent(
        "send",
        """
        <how> send {a message|a question|my question|it|this}?; how do i ask[ a question| you something]?; which
        key sends?; where do i {type|write|ask}[ my question]?; how do i write {a new line|two lines|several
        lines|a line break}?; how do i make a new line?; what does enter do?; how do i start?; how does
        {this|it} work?; how do i use {this|you|altiplano|this program}?; what do i do now?; how do i begin?
        """,
        "Type below and press Enter; Shift+Enter makes a new line. To ask about a picture, drop it on the "
        "window first.",
    ),
    Intent(
        "sampling",
        """
        what is {temperature|top p|the temperature|sampling|top-p}?; <how> {change|set|lower|raise} the
        {temperature|sampling|creativity}?; what does {temperature|top p} do?; where do i set the temperature?;
        how do i make answers {more creative|more exact|less random|longer|shorter}?; why is the answer different
        each time?; how do i limit the length of {an answer|answers}?
        """,
        "Open Settings with Ctrl+, : a low temperature makes answers steady, a high one makes them varied. "
        "The longest answer is set there too.",
    ),
    Intent(
        "language_setting",
        """
        <how> change the language[ of {altiplano|the program|the window|the menus}]?; can i {use|have}
        {altiplano|it|the menus|the window} in {german|french|spanish|another language|italian}?; where is the
        language setting?; change the language[ to {german|french|spanish}]; is {altiplano|the program}
        available in {german|french|spanish|other languages}?
        """,
        "Open Settings with Ctrl+, : if this version speaks another language, it is chosen there.",
    ),
    Intent(
        "why_cria",
        """
        why {do i see|is there|am i using|is this} {you|cria|a small model}?; why not scout?; why is scout not
        {here|loaded|open|included}?; why do i get such {short|simple|bad} answers?; why do you know so little?;
        why can't you answer {that|this|me|my question}?; why not?; why don't you know {that|this}?
        """,
        "I am built in so that Altiplano works without a download. A large model knows far more: click "
        "the model's name at the top, then Open a model folder.",
    ),
    Intent(
        "trouble_loading",
        """
        {scout|the model|it} does not {load|open|start}; why {can't i|does it not} {open|load} {scout|the
        model|my model|it}?; the model {folder is not found|does not load|is incomplete|fails to load}; what
        {must be|is} in the model folder?; which folder {must|do|should} i {choose|open|select}?; what does a
        model folder look like?; i get an error when i {open|load} {a model|scout}; which {format|file format}
        must the model have?; can i open {a gguf|gguf files|gguf}?
        """,
        "The folder must hold config.json, tokenizer.json and the safetensors files, as on Hugging Face. The "
        "error card names what is missing.",
    ),
    Intent(
        "unload",
        """
        <how> {close|unload|remove|free|quit} {the model|scout|a model|the memory}?; unload {the model|scout};
        can i unload {scout|the model}?; how do i free {the memory|memory|my gpu|ram}?; how do i go back to
        {you|cria|the small model}?; switch back to {cria|the small model|the built-in model}
        """,
        "Click the model's name at the top and choose another one. Cria, the built-in model, is always in that list.",
    ),
    Intent(
        "system_prompt",
        """
        <how> {set|change|give|write|use} {a system prompt|the system prompt|instructions|custom instructions}?;
        where is the system prompt[ setting]?; can i give {instructions|a system prompt|custom instructions}?;
        what is a system prompt?
        """,
        "In a terminal: python main.py ask, with --system. Large models follow it; I am too small to.",
    ),
    Intent(
        "quit",
        """
        <how> {close|quit|exit|leave} {altiplano|the program|this program|the app|the window}?; {quit|exit|close};
        how do i get out[ of here]?; close {the program|altiplano|the window}; what happens when i close the
        window?; is my chat lost when i close {the window|altiplano}?
        """,
        "Close the window. Your chats are kept.",
    ),
    Intent(
        "offline_update",
        """
        <how> update {altiplano|this program|the program}?; is there {an update|a new version|a newer version}?;
        which version {is this|do i have|is installed}?; what version {is this|of altiplano is this}?; does
        altiplano update itself?; check for updates
        """,
        "Altiplano does not update itself. Fetch the new version from its repository, as you did the first time.",
    ),
    Intent(
        "doctor",
        """
        something is {wrong|broken|not working}; {altiplano|it|the program} {crashes|crashed|hangs|freezes|is
        stuck|does not respond}; i found a bug; <how> report a {bug|problem}?; what do i do when {it
        crashes|something fails|there is an error|it hangs}?; i {have a problem|got an error|see an error};
        where are the logs?; how do i check my {installation|system|setup}?; error
        """,
        "Read the card in the chat: it says what happened and what to do. If it goes on, restart "
        "Altiplano; your chats are kept.",
    ),
)
