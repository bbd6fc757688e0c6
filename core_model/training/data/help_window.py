"""Help with models and the window: opening one, attaching, asking again, the list of chats."""

from __future__ import annotations

from core_model.training.data.intents import Intent

WINDOW: tuple[Intent, ...] = (
    Intent(
        "open_scout",
        """
        <how> {open|load|start|use|run|switch to|choose|select|pick} <large model>?; <how>
        {open|load|use|start} <large model> {here|in altiplano|in this program|on my machine|instead}?;
        {open|load|start|use|switch to} <large model>[ please]; how is <large model> opened?; where is <large
        model>?; {change|switch} the model; how do i change {the model|models|to another model}?; can
        {you|altiplano|this program} {open|load|use|run} <large model>?; where can i {choose|change|select} the
        model?; open model folder; how do i get a {better|larger|smarter} {answer|model}?
        """,
        "Click the model's name in the bar at the top, then Open a model folder, and choose the folder "
        "that holds the model.",
    ),
    Intent(
        "what_is_scout",
        """
        what is {scout|llama 4 scout|llama 4|llama scout}?; what's {scout|llama 4}?; tell me about {scout|llama
        4}.; what can {scout|llama 4} do?; how {large|big} is {scout|llama 4|the large model}?; who is scout?;
        how many parameters does {scout|llama 4} have?; what is a large model?; who made {scout|llama 4}?;
        explain scout.; is scout better[ than you]?
        """,
        "Scout is a Llama 4 model from Meta with about 109 billion parameters, 17 billion of them active. It "
        "knows photographs, documents and general questions.",
    ),
    Intent(
        "what_is_maverick",
        """
        what is {maverick|llama 4 maverick}?; what's maverick?; tell me about maverick.; how {large|big} is
        maverick?; what about maverick?; can {i|altiplano} {run|open|use|load} maverick?; {scout or
        maverick|maverick or scout}?; which is better, scout or maverick?; what is the difference between scout
        and maverick?; how many parameters does maverick have?
        """,
        "Maverick is the larger Llama 4: about 400 billion parameters in 128 experts. It opens like Scout, "
        "but few machines have room for it.",
    ),
    Intent(
        "hardware",
        """
        what {hardware|computer|machine|pc|gpu|graphics card} do i need[ for {scout|llama 4|a large model}]?;
        what are the {requirements|system requirements|hardware requirements}[ for {scout|llama 4|altiplano}]?;
        {will|can|does} {scout|llama 4} run on {my computer|my laptop|my machine|this computer|my pc}?; can my
        {computer|laptop|pc|machine} run {scout|llama 4|a large model}?; how much {memory|ram|gpu memory|vram}
        {does scout need|do i need|is needed|does llama 4 need}[ for scout]?; do i need a {gpu|graphics card|good
        computer|fast computer}[ for scout]?; is my computer {fast|good|big} enough[ for scout]?; which
        {gpu|graphics card} {do i need|is best|works}?; hardware requirements
        """,
        "Scout needs 64 to 256 GB of RAM, or a fast disk. With a CUDA GPU of 16 to 141 GB it answers faster: "
        "the more GPU memory, the faster.",
    ),
    Intent(
        "get_weights",
        """
        where {do|can} i {get|find|download} {scout|llama 4|the weights|the model|the large model|model weights|a
        model|llama 4 scout}?; <how> {download|get} {scout|llama 4|the weights|the model|maverick|a large model}?;
        download {scout|llama 4|the model|the weights}; where are the weights?; is scout
        {free|included|already here|installed}?; do i have to download {scout|the model|something}?; where is
        the download?; can you download {scout|the model}[ for me]?; is {scout|llama 4} included?
        """,
        "Get the weights from Hugging Face, on Meta's Llama 4 page, after you have accepted Meta's license. "
        "Then open the folder here.",
    ),
    Intent(
        "stop",
        """
        <how> {stop|cancel|interrupt|abort|end|halt} {you|it|an answer|the answer|this|the
        model|generating|writing|the response}?; how do i stop?; how to stop?; stop; {stop|cancel|abort}
        {it|this|the answer|please|now|writing|that}; how {can|do} i {make you stop|shut you up|stop this}?;
        where is the stop button?; is there a stop button?; can i stop you?; it does not stop; it is too long,
        how do i stop it?; how do i stop the answer?; please stop
        """,
        "Press Esc, or click the round button while it answers. What was written stays.",
    ),
    Intent(
        "attach",
        """
        <how> {attach|add|show you|upload|send|give you|insert|open|import|load|share} <a file>?; how does
        one attach <a file>?; where is the {attach|upload|plus} button?; how do i {show|send|give} you {a
        picture|an image|a file|something}?; {attach|upload|add} <a file>; can i {send|show|upload|give you} {a
        picture|a file|an image|pictures|a photo}?; where do i put {the|my} {picture|file|image}?; how do i get
        a picture in[ here]?; how do i add {attachments|files|media}?
        """,
        "Drop the file on the window, paste it, click the + button, or press Ctrl+O.",
    ),
    Intent(
        "paste",
        """
        <how> paste {a picture|an image|a screenshot|from the clipboard|text}?; can i paste {a picture|an image|a
        screenshot|text|from the clipboard}?; does {paste|copy and paste|ctrl+v|ctrl v} work?; what about the
        clipboard?; how do i use the clipboard?; i copied a picture, {what now|how do i show it to you}?
        """,
        "Copy the picture and press Ctrl+V in the window. It is attached to your next question.",
    ),
    Intent(
        "drag",
        """
        <how> {drag|drop} {a file|a picture|files|pictures}[ {here|on the window|into the window}]?;
        where do i drop {it|the file|the picture|files}?; does drag and drop work?; can i {drag|drop}
        {files|pictures|several files}[ here| into the window]?; drag and drop
        """,
        "Drop it anywhere on the window: the whole window takes pictures, several at once too.",
    ),
    Intent(
        "remove_attachment",
        """
        <how> {remove|delete|take away|detach|get rid of} {the picture|an attachment|the file|the image|a chip|a
        picture|the attachment}?; remove the {picture|attachment|file}; i attached the wrong
        {file|picture|image}; wrong {file|picture}, how do i remove it?; delete the attachment
        """,
        "Click the x on its chip above the text field, before you send.",
    ),
    Intent(
        "new_chat",
        """
        <how> {start|begin|open|make|create} a {new|fresh|another|clean} {chat|conversation|one}?; new
        {chat|conversation}; {start|open|begin} a new {chat|conversation}[ please]; how do i start over?; start
        over; how do i {clear|reset} {the chat|this chat|the conversation|everything}?; where is new chat?;
        clear the chat; what is the shortcut for a new chat?; i want to begin again
        """,
        "Press Ctrl+N, or click New chat at the top left.",
    ),
    Intent(
        "settings",
        """
        <how> {open|find|see|change|get to} {the |my |}{settings|preferences|options|configuration}?; where are
        the {settings|preferences|options}?; {settings|preferences|options}; open {settings|the
        settings|preferences}; what can i {set|change|configure}?; is there a settings {menu|page|dialog}?;
        what settings are there?
        """,
        "Press Ctrl+, or click Settings at the bottom left.",
    ),
    Intent(
        "edit_question",
        """
        <how> {edit|change|correct|rewrite|fix} {my|a|the|the last|my last} {question|message|prompt|text}?; edit
        {my|the|my last} {question|message}; i made a typo, can i {change|edit|correct} {it|my question}?; can i
        {edit|change|correct} what i {wrote|asked|typed}?; how do i ask again differently?; i asked the wrong
        question
        """,
        "Point at your question and click Edit. The answer is then written anew.",
    ),
    Intent(
        "regenerate",
        """
        <how> {regenerate|repeat|redo|retry|get another|get a new|get a different} {an answer|the
        answer|answer|the last answer}?; {regenerate|retry|try again|again|redo|once more|another answer|one more
        time}[ please]; can you {try again|answer again|give another answer|do that again|try once more}?; how
        do i get {another|a different|a new|a second} answer?; what does {again|the again button} do?; where is
        the again button?; how do i make you answer again?
        """,
        "Click Again under the answer: the same question is answered anew.",
    ),
    Intent(
        "what_model_saw",
        """
        <how> see what {the model saw|you saw|you see|the model sees|you see in my picture}?; what did {you|the
        model} see?; what does the model see?; show {me |}what {you|the model} {saw|see|sees}; how do
        {you|models} see {pictures|a picture|images}?; what are {tiles|the tiles|these tiles|the squares|those
        small pictures}?; how {is a picture cut|does a picture become tokens}?; what happens when i click
        {the|a} picture?; where can i see the tiles?; what resolution do you see?
        """,
        "Click the picture in the chat: a panel opens with the tiles exactly as the model saw them, and how "
        "many tokens they took.",
    ),
    Intent(
        "chats_stored",
        """
        where are {my|the|all} {chats|conversations|messages|data|files} {stored|saved|kept}?; where {do you|does
        altiplano|does it} {store|save|keep} {my |the |}{chats|conversations|data|messages}?; are {my |the
        |}{chats|conversations} {saved|stored|kept}?; do you {save|store|keep} {my chats|our
        conversation|this|this chat|my pictures}?; is this chat saved?; where is my {data|history|chat history}?;
        how long are chats kept?; where is the history?; is there a history?
        """,
        "Your chats stay on this computer, in Altiplano's data folder. You see them in the list on the left.",
    ),
    Intent(
        "delete_chat",
        """
        <how> {delete|remove|erase} {a chat|this chat|a conversation|my chats|all chats|this conversation|my
        history|my data}?; delete {this|the|my} {chat|conversation|history}; can i delete {chats|a chat|this
        chat|everything}?; how do i erase {everything|my history|my data}?; remove this chat
        """,
        "Right-click the chat in the list on the left and choose Delete.",
    ),
    Intent(
        "rename_chat",
        """
        <how> {rename|name|title} {a chat|this chat|a conversation|my chats}?; rename {this|the}
        {chat|conversation}; can i {rename|name} {a chat|this chat|chats}?; how do i change the {title|name} of
        {a|this|the} chat?
        """,
        "Right-click the chat in the list on the left and choose Rename.",
    ),
    Intent(
        "search_chats",
        """
        <how> {search|find} {a chat|my chats|an old chat|old chats|something i asked|a conversation|an old
        conversation|in my chats}?; search {my|the} chats; can i search[ my chats| old chats| the history]?;
        where is the search?; how do i find {an old chat|what i asked last week|an old answer}?; where are my
        old chats?
        """,
        "Press Ctrl+K, or type into the search field above the list of chats on the left.",
    ),
)
