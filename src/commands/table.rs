//! The table of commands. Dispatch, footer, help, palette, configuration and the README's table read
//! it. Of two rows that share a key, the one that stands first wins where both are valid.

use super::{CommandId, Entry, Place};

macro_rules! table {
    ($($name:literal $id:ident [$($key:literal),*] $place:ident $priority:literal $label:literal $about:literal;)*) => {
        /// All commands.
        pub const COMMANDS: &[Entry] = &[$(Entry {
            name: $name,
            id: CommandId::$id,
            keys: &[$($key),*],
            label: $label,
            about: $about,
            place: Place::$place,
            priority: $priority,
        }),*];
    };
}

// Name, what it asks for, keys, where it is valid, priority, label, and what it does.
table! {
    "approve-escalation" Approve ["a"] Escalation 0 "escalate" "escalate now, as asked";
    "postpone" Postpone ["p"] Escalation 0 "postpone" "put the escalation off, with a reason";
    "approve" ApproveChange ["a"] Approval 0 "approve" "approve the change that is described; its target is typed";
    "decline" Decline ["f"] Approval 0 "decline" "do not make the change, with a reason";
    "raise-ceiling" RaiseCeiling ["c"] Approval 1 "raise ceiling" "let the change touch more than the playbook allows, with a reason";
    "describe-again" AskAnew ["a"] Undescribed 0 "try again" "find out again what the change would do";
    "decline-undescribed" Decline ["f"] Undescribed 0 "decline" "do not make the change that cannot be described, with a reason";
    "take-back" Undo ["u"] RollBack 0 "take back" "take the change back; what does that is described first";
    "look-again" VerifyAgain ["v"] Verifiable 0 "look again" "read again whether the change worked";
    "it-worked" Done ["d"] Standing 0 "it worked" "the change worked all the same; the playbook goes on";
    "leave-it" Failed ["f"] Standing 0 "leave it" "leave the change as it is; the playbook goes on as after a failure";
    "ask-anew" AskAnew ["a"] Unknown 0 "ask anew" "describe the change again, to be approved anew";
    "approve-again" AskAnew ["a"] NotStarted 0 "approve again" "describe the change that was not started again, to approve it again";
    "leave-not-started" Failed ["f"] NotStarted 0 "leave it" "do not start the change; the playbook continues as after a failure";
    "was-done" Done ["d"] Unknown 0 "was done" "you looked, and the change was made";
    "was-not-done" Failed ["f"] Unknown 0 "was not done" "you looked, and it was not; the playbook goes on as after a failure";
    "approve-in-aws" PassGate ["a"] Gate 0 "approve in AWS" "approve, with your own AWS rights, the step of the document that waits for it";
    "reject-in-aws" RejectGate ["f"] Gate 0 "reject in AWS" "reject the step of the document that waits for an approval";
    "open-healing" Heal ["h"] Proposed 1 "open healing" "open what a healing rule proposes; it is described first";
    "leave-healing" LeaveHealing ["Esc"] Healed 0 "leave" "leave the healing that a rule proposes: nothing is changed, and the playbook continues";
    "take-over" TakeOver ["T"] Following 0 "take over" "become the writer: at once when the other console is silent, else by asking";
    "hand-over" HandOver ["H"] Asked 0 "hand over" "give the incident to whoever asks for it";
    "keep-it" KeepIt ["K"] Asked 0 "keep it" "stay the writer although somebody asks";
    "who-answered" Answered ["W"] Chased 1 "who answered" "write down who has the escalation: nobody else is asked then";
    "answer" Answer ["Enter"] Input 0 "answer" "answer the question";
    "fold" Fold ["Space"] Tree 0 "fold" "fold or unfold what follows from the selected step";
    "read-step" Read ["Enter"] Tree 0 "read" "read the selected step";
    "done" Done ["d"] Manual 0 "done" "the step is done";
    "failed" Failed ["f"] Manual 0 "failed" "the step did not work";
    "skip" Skipped ["s"] Manual 0 "skip" "the step is not needed";
    "choose" Branch ["1", "2", "3", "4", "5", "6", "7", "8", "9"] Decision 0 "choose" "take a branch; another than the recommended one asks for a reason";
    "undo-branch" UndoBranch ["u"] Undoable 0 "undo" "take back the branch that was taken a moment ago";
    "cannot-decide" Failed ["f"] Decision 4 "cannot decide" "nobody can decide this";
    "copy-command" Copy ["y"] Manual 1 "copy command" "copy the next command of the step to the clipboard";
    "stop-check" CancelCheck ["x"] Working 1 "stop" "stop what runs here: a check counts as failed, a change ends when AWS says so";
    "next-evidence" NextEvidence ["Tab"] Evidence 1 "next" "read the next evidence";
    "previous-evidence" PreviousEvidence ["BackTab"] Evidence 9 "previous" "read the evidence before";
    "search" Search ["/"] Evidence 0 "search" "find a text in the evidence";
    "next-match" NextMatch ["n"] Searched 0 "next match" "go to the next match";
    "previous-match" PreviousMatch ["N"] Searched 1 "match before" "go to the match before";
    "samples" Samples ["Enter"] Logs 0 "samples" "show messages of the selected pattern, or the patterns again";
    "follow" Follow ["f"] Logs 1 "follow" "go on reading the log group as messages come, or stop";
    "read-evidence-again" ReadAgain ["r"] Evidence 2 "read again" "read the evidence again, with fresh values; the record keeps both";
    "wrap" Wrap ["w"] Evidence 2 "wrap" "break long lines, or cut them";
    "cursor-left" CursorLeft ["←"] Chart 0 "earlier" "read the value before";
    "cursor-right" CursorRight ["→"] Chart 0 "later" "read the value after";
    "copy-evidence" CopyEvidence ["y"] Evidence 2 "copy" "copy the evidence to the clipboard";
    "link-evidence" Link ["l"] Evidence 3 "AWS link" "copy a link to the AWS console for what the evidence was read from";
    "open" Open ["Enter"] Board 0 "start playbook" "open an incident for the alarm and start its playbook";
    "link" Link ["l"] Board 7 "AWS link" "copy a link to the AWS console: of the alarm, a log group, a command or an automation";
    "filter" Filter ["/"] Board 1 "filter" "show alarms that contain a text";
    "acknowledge-alarm" AcknowledgeAlarm ["a"] Board 2 "acknowledge" "record that you look after the selected alarm, for how long, and what you do";
    "sort" Sort ["o"] Board 3 "sort" "sort by state, severity, age, service or account";
    "agree" Agree ["a"] Requests 0 "agree" "agree to the change that somebody else asks for; its target is typed";
    "deny" Disagree ["f"] Requests 0 "deny" "deny the change that somebody else asks for, with a reason";
    "switch-rule" SwitchRule ["e"] Healings 0 "enable or disable" "let the selected healing rule count, or count no longer; its name is typed";
    "stop-healing" StopHealing ["S"] Healings 0 "stop all" "let no healing rule act any longer, or let them act again";
    "filter-list" FilterList ["/"] Lists 1 "filter" "show lines that contain a text";
    "unfinished" Unfinished ["u"] Board 2 "unfinished" "list unfinished incidents, to take one up";
    "attach" Attach ["t"] BoardWithIncident 2 "attach" "add the alarm to the open incident";
    "evidence" Evidence ["e"] Incident 2 "evidence" "read what the step found on the whole screen";
    "tree" Tree ["Tab"] Incident 2 "tree" "go to the tree and back";
    "read-again" ReadAgain ["r"] Incident 3 "read again" "read again what the step shows, or what the decision reads; the record keeps both";
    "link-incident" Link ["l"] Incident 7 "AWS link" "copy a link to the AWS console: of the alarm, a log group, a command or an automation";
    "note" Note ["n"] WithIncident 2 "note" "record a note";
    "escalate" Escalate ["E"] WithIncident 2 "escalate" "escalate now, with a reason";
    "update" Update ["U"] WithIncident 6 "give update" "tell those who wait how it stands, and when they hear more";
    "card" Card ["Y"] WithIncident 6 "hand-over card" "make the card that hands the incident over: on the clipboard, and for the channels";
    "acknowledge" Acknowledge ["A"] Incident 3 "acknowledge" "say that you have the incident";
    "grade" Regrade ["G"] Incident 5 "grade" "change how bad the incident is";
    "mitigated" Mitigate ["M"] Incident 5 "mitigated" "the effect is gone";
    "resolved" Resolve ["R"] Incident 5 "resolved" "the cause is gone";
    "close" Close ["C"] Incident 5 "close" "close the resolved incident";
    "playbook" Open ["P"] Incident 6 "playbook" "start another playbook when none is being walked";
    "stop-playbook" StopPlaybook ["X"] Incident 6 "stop playbook" "end the walk without an outcome";
    "board" Board ["b", "Alt-1"] Everywhere 3 "board" "go to the board of alarms";
    "incident" Incident ["i", "Alt-2"] Everywhere 1 "incident" "go to the open incident";
    "approvals" Requests ["V", "Alt-3"] Everywhere 8 "approvals" "see what others ask you to agree to";
    "healing" Healings ["F", "Alt-4"] Everywhere 8 "healing" "see the healing rules, and what they have done";
    "history" Timeline ["L", "Alt-5"] Everywhere 7 "history" "see what happened when: the record, the alarms' history, the calls to AWS";
    "statistics" Statistics ["D", "Alt-6"] Everywhere 8 "statistics" "see what the record says about playbooks, and what follows from it";
    "palette" Palette [":", "Ctrl-P"] Everywhere 2 "find" "find a command, an alarm, a playbook, a step or an incident";
    "messages" Messages ["m"] Everywhere 8 "messages" "read what the console has said, the latest first";
    "time-zone" Zone ["z"] Everywhere 8 "UTC or local" "show times in UTC, or in the local time zone";
    "reload" Reload ["Ctrl-R"] Everywhere 9 "reload" "read the theme and the keys anew from the configuration";
    "introduction" Introduction ["F1"] Everywhere 9 "introduction" "read the introduction";
    "up" Up ["↑", "k"] Everywhere 9 "up" "go up, or scroll";
    "down" Down ["↓", "j"] Everywhere 9 "down" "go down, or scroll";
    "page-up" PageUp ["PgUp"] Everywhere 9 "page up" "go up a page";
    "page-down" PageDown ["PgDn", "Space"] Everywhere 9 "page down" "go down a page";
    "first" First ["Home", "g"] Everywhere 9 "first" "go to the first";
    "last" Last ["End"] Everywhere 9 "last" "go to the last";
    "back" Back ["Esc"] Everywhere 7 "back" "leave what is open; clear the filter";
    "help" Help ["?"] Everywhere 1 "help" "show the keys that are valid here";
    "suspend" Suspend ["Ctrl-Z"] Everywhere 9 "suspend" "go back to the shell; `fg` comes back here";
    "quit" Quit ["q", "Ctrl-C"] Everywhere 7 "quit" "leave; an unfinished incident is taken up next time";
}
