"""Words that systems write in several languages, in lower case: who is no customer, what was undone or brought back."""

__all__ = [
    "CANCELLED", "DISCOUNTS", "HUNDREDTHS", "IN_PART", "MARGINS", "NEVER", "NOBODY", "NOT", "NOT_BACK", "PLACEHOLDERS",
    "RETURNED", "RETURNS_ONLY", "UNANSWERED", "WON",
]  # fmt: skip

PLACEHOLDERS = (
    "none", "nan", "null", "nil", "n/a", "#n/a", "na", "<na>", "nat", "undefined", "unknown", "not set", "(not set)",
    "(none)", "(null)", "(blank)", "missing", "-", "--", "---", ".", "?", "-1", "guest", "guest user",
    "guest customer", "guest checkout", "anonymous", "anon", "anonym", "walk-in", "walk in", "walkin",
    "walk-in customer", "cash", "cash customer", "cash sale", "retail customer", "one-time customer", "default",
    "dummy", "test", "gast", "gastkunde", "gastbestellung", "laufkunde", "laufkundschaft", "barverkauf", "unbekannt",
    "kein", "keine", "invité", "invite", "inconnu", "anonyme", "aucun", "client comptoir", "invitado", "desconocido",
    "ninguno", "consumidor final", "cliente final", "público general", "publico general", "mostrador", "ospite",
    "anonimo", "anónimo", "sconosciuto", "nessuno", "convidado", "desconhecido", "onbekend", "geen", "gość",
    "nieznany", "brak", "misafir", "гость", "неизвестно", "аноним", "нет", "匿名", "游客", "散客", "无", "未知",
    "ゲスト", "不明", "なし", "비회원",
)  # fmt: skip
"""What systems write where there is no customer, in lower case."""
_NOT_SAID = (
    "customer|client|cliente|kunde|kunden|user|member|account|name|nombre|nom|id|e-?mail|registro|registered|provided|"
    "given|applicable|available|known|specified|identified|assigned|angemeldet|registriert|zugeordnet|bekannt|"
    "vorhanden|renseigné|renseigne|identifié|identifie|connu|connecté|registrado|identificado|informado|registrato|"
    "identificato|ingelogd|bekend|reply|data|info|value"
)
NOBODY = "|".join(
    (
        r"^(un(known|registered|identified|assigned|specified|named|defined)|anonymous|guest|walk[ -]?in|cash|"
        r"gast|lauf|bar|retail|dummy|test)[ _-]?(customer|client|user|buyer|shopper|member|account|sale|order|checkout|"
        r"kunde|verkauf|kauf)?s?$",
        rf"^(not?|non|nicht|kein|keine|ohne|sin|sans|senza|sem|zonder|geen)[ _-]?({_NOT_SAID})$",
        r"^(no[-_.]?(e?-?mail|reply|name)|none|null|unknown|guest|anonymous|test|dummy|fake)@",
        r"^0+(-0+)+$",
        r"^#(ref|n/a|value|name|null|num|div/0|wert|name|bezug)[!?]?$",
        r"^x{2,}$",
        r"^(grand |sub-?|sub )?totals?:?( (for|of|all) .*)?$",
        r"^(grand |sub-?|sub )?total (amount|sum|sales|revenue|orders|customers|count|rows|\d+)$",
        r"^(zwischen|gesamt|end)?summe$|^gesamt(betrag|ergebnis)?$|^somme$|^suma$",
        r"^total(e|general| general| général)?$|^итого.*$|^всего$|^(合计|总计|小计|合計|総計|小計|합계|총계)$",
    )
)
"""The same as patterns: nobody in more words, what is left of a formula, and lines of totals."""

NEVER = (
    "fail", "declin", "reject", "refus", "abandon", "expired", "error", "lost", "denied", "trash", "draft", "quote",
    "unpaid", "abgebrochen", "abgelehnt", "fehlgeschlagen", "échou", "echou", "rechazad", "fallid", "rifiutat",
    "fallit", "geweiger", "mislukt", "odrzuc", "отклон", "失败", "pending payment", "payment pending",
    "awaiting payment", "payment_pending", "zahlung ausstehend", "pendiente de pago", "en attente de paiement",
    "in attesa di pagamento", "待付款", "未付款", "未払",
)  # fmt: skip
"""Parts of statuses, in lower case, of what never came about: no purchase, and no return."""
CANCELLED = (
    *NEVER, "cancel", "void", "fraud", "chargeback", "refund", "return", "revers", "storn", "retour", "erstattet",
    "widerruf", "annul", "rembours", "cancelad", "anulad", "devuel", "devol", "reembols", "rimborsat", "geannul",
    "avbrut", "återbet", "anulow", "zwróc", "zrušen", "iptal", "iade", "отмен", "возвр", "取消", "退款", "退货",
    "作废", "关闭", "キャンセル", "返品", "返金", "취소", "환불", "반품", "ملغ",
)  # fmt: skip
"""Parts of statuses that undo a purchase, in lower case; not where a status says that it was so in part."""
IN_PART = "part|teil|parci|parz|gedeelt|częśc|част|部分|一部|부분|not |non |nicht |no "

WON = "\\bwon\\b|gewonnen|gagné|ganad[ao]|vint[ao]|ganh[ao]|赢单"
"""What the stage of a deal says that became a purchase."""
RETURNED = (
    "return|refund|credit note|credit memo|creditnote|revers|chargeback|retour|gutschrift|rückgabe|erstattung|"
    "rembours|devol|"
    "reembols|abono|rimborso|nota di credito|creditnota|retur|zwrot|iade|возврат|退货|退款|返品|返金|반품|환불"
)
"""Parts of the words for what was brought back."""
NOT_BACK = "^net|after|before|less|without|excl|incl|nach|vor|ohne|abzug|sans|apres|avant|hors|minus|扣|除"
"""Parts of names of what was not brought back, though they speak of returns."""
RETURNS_ONLY = (
    rf"^(?!.*({NOT_BACK}|[ _-](and|und|et|y|with|mit|avec)[ _-]|&)).*?"
    r"((^|[^a-z])(returns?|returned|refunds?|refunded|retouren?|ruckgaben?|rückgaben?|erstattung(en)?|"
    r"gutschrift(en)?|retours?|remboursements?|devoluciones|reembolsos|resi|rimborsi|credit ?notes?)([^a-z]|$)|"
    r"退货|退款|返品|返金|반품|환불)"
)
"""What a file is called, in lower case, that holds returns and nothing else."""
MARGINS = (
    "margin", "profit", "contribution", "deckungsbeitrag", "marge", "gewinn", "rohertrag", "毛利", "利润", "粗利",
    "利益", "прибыль", "маржа",
)  # fmt: skip
"""Parts of the names of columns whose values may be below zero without being returns."""
HUNDREDTHS = r"(^|[^r])cents?$|pence$|centimes$|centavos$|centesimi$|minorunits?$"
"""What the plain names of columns of money in hundredths end with; a percentage is none."""
DISCOUNTS = r"discount|rabatt|nachlass|remise|descuento|sconto|desconto|korting|скидк|折扣|优惠|割引|値引|할인"
"""Parts of the plain names of columns with what is taken off a price."""
NOT = (
    "0",
    "0.0",
    "0.00",
    "-",
    "нет",
    "否",
    "不",
    "いいえ",
    "아니오",
    "nee",
    "nej",
    "não",
    "false",
    "f",
    "n",
    "no",
    "nein",
    "non",
    "nan",
    "none",
    "null",
    "nat",
)
"""What a column of yes and no says for no."""
UNANSWERED = (
    r"^(no|not|non|nicht|kein|keine|sin|sans|senza|sem|zonder|geen|un(opened|delivered|subscribed|answered))\b"
    r"|^(ignored|bounced?|failed|expired|opted[ -]?out|declined|rejected|refused|ignoriert|abgelehnt|refusé|rechazado)$"
    r"|^0+([.,]0+)?$|^(未|无|没有|なし)"
)
"""Outcomes of a contact, in lower case, that nothing followed, beside those of :data:`NOT`."""
