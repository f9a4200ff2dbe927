"""What a customer base takes from files: its tables, their roles, and the names that columns of such roles have.

A table is data: another one is one more entry of :data:`TABLES`, with its roles; finding columns, reading values and
saying what was left out go by these descriptions alone.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BESIDE", "CONTACTS", "MEMBERSHIPS", "PEOPLE", "PROSPECTS", "PURCHASES", "REFERRALS", "REFERRER_NAMES", "SPEND",
    "SURVEYS", "TABLES", "Kind", "Role", "Table", "plain_name",
]  # fmt: skip

Kind = Literal["text", "date", "period", "number", "flag"]


@dataclass(frozen=True)
class Role:
    """What a column may be.

    Attributes
    ----------
    name : str
        The role's name, that of the table's column.
    kind : "text", "date", "period" (a day, month, quarter or year), "number" or "flag"
        How its values are read.
    names : tuple of str
        Names that such columns have, the surest first (case, accents, spaces and signs do not matter).
    what : str
        What it holds, in words.
    required : bool
        Whether a row means nothing without it.
    """

    name: str
    kind: Kind
    names: tuple[str, ...]
    what: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a customer base and the roles of its columns, in the order in which columns are given to them."""

    name: str
    roles: tuple[Role, ...]

    def __getitem__(self, name: str) -> Role:
        return next(role for role in self.roles if role.name == name)

    def __contains__(self, name: str) -> bool:
        return any(role.name == name for role in self.roles)


_WITHOUT_ACCENT = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart."""


def plain_name(name: str) -> str:
    """Return a column's name without what does not matter: case, accents, spaces, signs.

    >>> plain_name("Kunden-Nr."), plain_name("CustomerID"), plain_name("N° client")
    ('kundennr', 'customerid', 'nclient')
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold().translate(_WITHOUT_ACCENT))
    return re.sub(r"[\W_]+", "", "".join(letter for letter in decomposed if not unicodedata.combining(letter)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plain_name(name) for name in text.split(",")))


PURCHASES = Table(
    "purchases",
    (
        Role(
            "customer_id",
            "text",
            _words(
                "customer_id, customer, customer number, customer no, customer nr, customer key, customer code,"
                "customer unique id, cust id, custid, cust no, cust, client id, client, client number, client code,"
                "account id, account number, account no, account, member id, member, member number, loyalty id,"
                "loyalty card, card number, card id, household key, household id, household, user id, user, userid,"
                "customer user id, buyer id, buyer, shopper id, shopper, contact id, contact, associated contact ids,"
                "subscriber id, subscriber, donor id, donor, patron id, guest id, patient id, person id, party id,"
                "company id, associated company ids, visitor id, consumer id, sold to party, sold to, bill to,"
                "bill to customer, kunnr, debitor, debitorennummer, bp code, card code, cardcode, kunde, kunden id,"
                "kdnr, kd nr,"
                "kundenid, kunden nr, kundennr, kundennummer, kunden nummer, kundenkonto, mitglied,"
                "mitgliedsnummer, mitglieds nummer, mitgliedsnr, mitgliedernummer, mitgliedsid, mitglied id,"
                "numero adherent, n adherent, id adherent, numero socio, numero de socio, id socio, lidnummer,"
                "client n, numero client,"
                "num client, no client, n client, id client, code client, identifiant client, cliente, id cliente,"
                "cliente id, codigo cliente, codigo de cliente, cod cliente, numero de cliente, numero cliente,"
                "codice cliente, codcliente, id del cliente, id do cliente, comprador, klant, klantnummer, klant id,"
                "klantnr, kund, kundnummer, kund id, kundenummer, asiakas, asiakasnumero, klient, id klienta,"
                "numer klienta, klient id, nabywca, zakaznik, cislo zakaznika, ugyfel, vevo, musteri, musteri no,"
                "musteri id, musteri numarasi, клиент, код клиента, id клиента, номер клиента, покупатель, клиент id,"
                "客户编号, 客户, 客户id, 客户号, 客户代码, 会员编号, 会员号, 会员, 会员id, 用户id, 用户编号, 用户,"
                "顾客编号, 顾客, 顾客id, 買家, 客戶編號, 客戶, 客戶id, 會員編號, 顧客id, 顧客番号, 顧客コード, 顧客,"
                "会員番号, 会員id, ユーザーid, 고객번호, 고객id, 고객, 회원번호, رقم العميل, العميل, πελάτης,"
                "κωδικός πελάτη, покупець, клієнт, код клієнта, khách hàng, mã khách hàng, id pelanggan, pelanggan,"
                "รหัสลูกค้า, ลูกค้า, מספר לקוח, לקוח, email, e mail,"
                "customer email, client email, email address, billing email, user email, buyer email, courriel,"
                "correo, correo electronico, kunden email, mail, phone, telefon, customer name, client name,"
                "name of customer, kundenname, nom client, nombre cliente, billing name, account name, id"
            ),
            "the customer",
            required=True,
        ),
        Role(
            "date",
            "date",
            _words(
                "date, order date, purchase date, transaction date, invoice date, sale date, sales date,"
                "posting date, booking date, payment date, paid at, paid date, date paid, order placed, ordered at,"
                "order time, order datetime, order timestamp, order placed on, purchased, ordered, trx date,"
                "txn dt, trx dt,"
                "tran dt, order dt, purchase dt, invoice dt, dt, order purchase timestamp, purchase timestamp,"
                "purchased at, purchase time, transaction time, transaction timestamp, trans date, txn date,"
                "tran date, order created at, created at, created, created utc, created date, create date,"
                "creation date, date created, order created, close date, closed date, datum, date of purchase,"
                "date of order, vkdat, receipt date, bill date, billing date, doc date, document date, event date,"
                "event time, donation date, gift date, visit date, datetime, date time, timestamp, time, day, week,"
                "month, period, fkdat, erdat, audat, budat, docdate, bestelldatum, kaufdatum, auftragsdatum,"
                "rechnungsdatum, belegdatum, buchungsdatum, verkaufsdatum, bestellt am, tag, date de commande,"
                "date commande, date achat, date d achat, date de vente, date facture, date de facture, jour, fecha,"
                "fecha de compra, fecha compra, fecha pedido, fecha de pedido, fecha factura, fecha de venta, data,"
                "data ordine, data acquisto, data di acquisto, data vendita, data fattura, data da compra,"
                "data compra, data do pedido, data pedido, data venda, besteldatum, aankoopdatum, factuurdatum,"
                "orderdatum, inkopsdatum, kopdatum, ordredato, kobsdato, dato, paivamaara, tilauspaiva,"
                "data zamowienia, data zakupu, data sprzedazy, datum objednavky, tarih, siparis tarihi, satis tarihi,"
                "datum rendelés, дата, дата заказа, дата покупки, дата продажи, 日期, 订单日期, 购买日期, 交易日期,"
                "受注日,"
                "下单时间, 下单日期, 交易时间, 购买时间, 付款时间, 订单时间, 時間, 时间, 訂單日期, 購買日期, 日付,"
                "購入日, 注文日, 購買日, 取引日, 売上日, 注文日時, 購入日時, 날짜, 주문일, 구매일, 주문일자, التاريخ,"
                "ημερομηνία, дата замовлення, дата покупки, ngày mua, ngày, tanggal, วันที่, תאריך"
            ),
            "the day of the purchase",
            required=True,
        ),
        Role(
            "amount",
            "number",
            _words(
                "amount, amount paid, total amount, order amount, order total, order value, order total amount,"
                "total order value, order revenue, invoice amount, invoice total, transaction amount,"
                "purchase amount, payment amount, payment value, sale amount, sales amount, sales value, sales, sale,"
                "revenue, net revenue, gross revenue, net sales, gross sales, net amount, amount net, gross amount,"
                "net value, net total, grand total, grand total base, grand total purchased, total, total price,"
                "total paid, total spent, total value, total sales, total revenue, line total, line amount,"
                "line value, zeilenbetrag, zeilensumme, positionsbetrag,"
                "amt, txn amt, trx amt, tran amt, order amt, sales amt, extended price, ext price,"
                "extended amount, subtotal, sub total, spend, spent, spending,"
                "turnover, monetary value, monetary, dollar value, dollars, basket value, basket amount, deal amount,"
                "deal value, amount usd, amount eur, amount gbp, donation, donation amount, gift amount, tran amount,"
                "trans amount, txn amount, paid, payment, charge, fee, sum, value, netwr, doctotal, linetotal,"
                "margin, gross margin, profit, contribution, gross profit, contribution margin, net profit, betrag,"
                "gesamtbetrag, umsatz, nettoumsatz, bruttoumsatz, netto, nettobetrag, bruttobetrag, summe,"
                "gesamtpreis, gesamtsumme, rechnungsbetrag, bestellwert, auftragswert, warenwert, wert, erlos,"
                "deckungsbeitrag, gesamt, kaufbetrag, marge, gewinn, rohertrag, montant, montant total,"
                "montant ttc, montant ht,"
                "total ttc, total ht, chiffre d affaires, ca, valeur, somme, marge brute, importe, importe total,"
                "monto, monto total, valor, valor total, ventas, importo, importo totale, totale, valore, fatturato,"
                "ricavo, ricavi, margine, quantia, montante, valor do pedido, receita, faturamento, total do pedido,"
                "bedrag, totaalbedrag, omzet, totaal, belopp, summa, totalt, belob, totalbelob, omsaetning, belop,"
                "omsetning, kwota, wartosc, suma, castka, celkem, osszeg, tutar, toplam, toplam tutar, ciro, сумма,"
                "сумма заказа, выручка, итого, стоимость, 金额, 订单金额, 交易金额, 消费金额, 购买金额, 销售额,"
                "总金额, 总价, 实付金额, 付款金额, 支付金额, 總額, 金額, 訂單金額, 購買金額, 売上, 売上金額,"
                "購入金額, 合計, 合計金額, 支払金額, 금액, 주문금액, 결제금액, 매출, المبلغ,"
                "ποσό, αξία, σύνολο, сума, сума замовлення, số tiền, tổng tiền, thành tiền, jumlah, total harga,"
                "จำนวนเงิน, ยอดเงิน, סכום"
            ),
            "money",
        ),
        Role(
            "price",
            "number",
            _words(
                "unit price, unitprice, price per unit, price each, item price, product price, lineitem price,"
                "line item price, sale price, selling price, net price, retail price, price, rate, cost per unit,"
                "einzelpreis, epreis, stuckpreis, stueckpreis, preis, verkaufspreis, prix unitaire, pu, prix,"
                "precio unitario, precio, prezzo unitario, prezzo, preco unitario, preco, valor unitario, stukprijs,"
                "prijs, eenheidsprijs, styckpris, a pris, pris, stykpris, enhetspris, cena jednostkowa, cena,"
                "birim fiyat, fiyat, egysegar, ar, цена, цена за единицу, 单价, 价格, 單價, 價格, 単価, 価格, 단가,"
                "가격"
            ),
            "price of one piece",
        ),
        Role(
            "quantity",
            "number",
            _words(
                "quantity, qty, quantity ordered, order quantity, order qty, item quantity, lineitem quantity,"
                "line item quantity, quantity sold, units, units sold, number of units, items, item count,"
                "number of items, number of cds, pieces, pcs, count, volume, fkimg, menge, anzahl, stuck, stueck,"
                "stuckzahl, quantite, qte, nombre, cantidad, cant, unidades, quantita, qta, pezzi, quantidade, qtd,"
                "qtde, aantal, stuks, antal, kvantitet, antall, maara, kpl, ilosc, sztuk, mnozstvi, pocet, mennyiseg,"
                "adet, miktar, количество, кол во, 数量, 件数, 購買數量, 數量, 個数, 購入数, 수량"
            ),
            "pieces",
        ),
        Role(
            "order_id",
            "text",
            _words(
                "order id, order number, order no, order nr, order, order name, order key, ordernumber, orderno,"
                "invoice, invoice id, invoice no, invoice number, transaction id, transaction number, transaction,"
                "transaction no, trans id, txn id, tran id, receipt, receipt id, receipt no, receipt number,"
                "basket id, basket, ticket, ticket id, ticket number, bill no, bill id, increment id, purchase id,"
                "sale id, deal id, opportunity id, booking id, payment id, charge id, vbeln, docnum, document number,"
                "doc no, bestellnummer, bestellnr, bestell nr, bestellung, auftrag, auftragsnummer, rechnung,"
                "rechnungsnummer, rechnungsnr, beleg, belegnummer, belegnr, bon, bonnummer, commande,"
                "numero commande, n commande, numero de commande, facture, numero facture, pedido, numero pedido,"
                "no de pedido, no pedido, n pedido,"
                "numero de pedido, id pedido, factura, ordine, numero ordine, id ordine, fattura, ordernummer,"
                "bestelnummer, factuurnummer, ordrenummer, tilausnumero, numer zamowienia, zamowienie,"
                "cislo objednavky, siparis no, fatura no, заказ, номер заказа, id заказа, чек, 订单编号, 订单号,"
                "订单id, 交易编号, 发票号, 訂單編號, 注文番号, 注文id, 取引id, 주문번호, id"
            ),
            "the order",
        ),
        Role(
            "product",
            "text",
            _words(
                "product, product id, productid, sku, lineitem sku, item, item id, item number, item code, article,"
                "article id, article number, stock code, stockcode, product code, product name, lineitem name,"
                "description, product description, matnr, material, upc, ean, artikel, artikelnummer, artikelnr,"
                "artikel nr, produkt, bezeichnung, produit, code article, designation, producto, articulo, prodotto,"
                "articolo, produto, artikelcode, produktnummer, tuote, produkt id, towar, urun, urun kodu, товар,"
                "артикул, 商品, 产品, 商品编号, 产品编号, 商品名称, 产品名称, 商品id, 商品コード, 商品名, 상품,"
                "상품명"
            ),
            "the product",
        ),
        Role(
            "category",
            "text",
            _words(
                "category, product category, product line, department, product group, category name, product type,"
                "item category, kategorie, warengruppe, produktgruppe, categorie, rayon, categoria,"
                "categorie produit, kategori, kategoria, категория, 类别, 品类, 分类, 类目, 類別, カテゴリ, 카테고리"
            ),
            "the product's category",
        ),
        Role(
            "channel",
            "text",
            _words(
                "channel, sales channel, order channel, source, order source, store, shop, store id, branch, outlet,"
                "medium, kanal, vertriebskanal, filiale, canal, canal de vente, magasin, tienda, canale, negozio,"
                "loja, kanaal, winkel, butik, kanal sprzedazy, sklep, магазин, канал, 渠道, 门店, 店铺, 店舗,"
                "チャネル, 채널"
            ),
            "the channel",
        ),
        Role(
            "status",
            "text",
            _words(
                "status, order status, financial status, payment status, state, order state, fulfillment status,"
                "transaction status, deal stage, stage name, stage, stagename, bestellstatus, auftragsstatus,"
                "zustand, zahlungsstatus, statut, statut commande, etat, estado, estado del pedido, estado pedido,"
                "stato, stato ordine, situacao, status do pedido, orderstatus, tila, stan, durum, siparis durumu,"
                "статус, статус заказа, 状态, 订单状态, 交易状态, 狀態, 訂單狀態, ステータス, 状態, 注文状況, 상태,"
                "주문상태"
            ),
            "the order's status",
        ),
        Role(
            "movement",
            "text",
            _words(
                "transaction type, trans type, txn type, order type, document type, doc type, type, sale or return,"
                "sale type, movement, movement type, record type, vorgang, vorgangsart, belegart, art, typ,"
                "type de transaction, tipo, tipo de transaccion, tipo documento, tipo transazione, tipo de transacao,"
                "soort, тип, тип операции, 类型, 交易类型, 種類, 取引区分, 유형"
            ),
            "whether sold or brought back",
        ),
        Role(
            "returned",
            "flag",
            _words(
                "is return, is returned, returned, return, return flag, is refund, is refunded, refunded, refund,"
                "refund flag, returned at, refunded at, return date, refund date, refunded amount, refund amount,"
                "amount refunded, total refunded, returned amount, retoure, retourniert, retour, ruckgabe,"
                "zuruckgegeben, erstattet, erstattung, erstattungsbetrag, retourne, rembourse, montant rembourse,"
                "devuelto, devolucion, reembolsado, importe reembolsado, reso, restituito, rimborsato, devolvido,"
                "devolucao, geretourneerd, terugbetaald, zwrot, iade, возврат, 是否退货, 退货, 退款, 退款金额, 返品,"
                "返品フラグ,"
                "返金, 반품, 환불"
            ),
            "whether it was brought back, or the money given back",
        ),
        Role(
            "cancelled",
            "flag",
            _words(
                "cancelled, canceled, cancelled at, canceled at, is cancelled, is canceled, cancellation date,"
                "cancel date, cancelled on, voided, is void, void, storniert, storno, storniert am, annule, annulee,"
                "annule le, cancelado, anulado, annullato, geannuleerd, avbruten, annulleret, anulowane, iptal,"
                "отменен, отменён, 已取消, 是否取消, キャンセル, 취소"
            ),
            "whether the order was cancelled",
        ),
        Role(
            "currency",
            "text",
            _words(
                "currency, currency code, order currency, curr, iso currency, transaction currency, waerk, doccur,"
                "wahrung, waehrung, devise, monnaie, moneda, divisa, valuta, moeda, waluta, mena, para birimi, doviz,"
                "валюта, 币种, 货币, 幣別, 通貨, 통화"
            ),
            "the currency",
        ),
        Role("in_sample", "flag", _words("in sample, sample"), "whether in the sample"),
    ),
)
"""Rows of what customers bought: whole purchases, or lines of them."""

PEOPLE = Table("people", (PURCHASES["customer_id"],))
"""Rows of people: who they are, and whatever else is known of them."""

SPEND = Table(
    "spend",
    (
        Role(
            "lever",
            "text",
            _words(
                "lever, instrument, channel, marketing channel, medium, media, activity, campaign, measure, kanal,"
                "massnahme, hebel, instrument marketing, levier, canal, palanca, leva, 渠道, 媒体, チャネル, 채널"
            ),
            "what money is spent through",
        ),
        Role(
            "spend",
            "number",
            _words(
                "spend, spend a year, yearly spend, annual spend, spending, money, cost, costs, budget, amount, total,"
                "ausgaben, kosten, werbekosten, betrag, depense, depenses, cout, gasto, coste, spesa, costo, custo,"
                "费用, 花费, 支出, 費用, 비용"
            ),
            "money a year",
        ),
        Role(
            "purpose", "text", _words("purpose, for, aim, goal, objective, zweck, ziel, but, objectif, objetivo"),
            "what the money is for",
        ),
        Role(
            "date", "period",
            _words(
                "date, day, week, month, quarter, period, year, monat, datum, tag, woche, quartal, zeitraum, jahr,"
                "mois, trimestre, periode, annee, fecha, mes, periodo, ano, mese, anno, 日期, 月, 月份, 季度, 年, 年份"
            ),
            "when it was spent",
        ),
    ),
)  # fmt: skip
"""Rows of what is spent a year, by lever."""

MEMBERSHIPS = Table(
    "memberships",
    (
        PURCHASES["customer_id"],
        Role(
            "start", "date",
            _words(
                "start, start date, began, begin, from, since, joined, join date, signup date, sign up date, created,"
                "created at, subscribed at, contract start, activation date, member since, customer since, beginn,"
                "vertragsbeginn, eintritt, eintrittsdatum, startdatum, mitglied seit, kunde seit, debut,"
                "date debut, inicio, fecha inicio, fecha alta, inizio, 开始日期, 開始日, 시작일"
            ),
            "when the contract began", required=True,
        ),
        Role(
            "end", "date",
            _words(
                "end, end date, ended, until, to, left, cancelled, canceled, cancelled at, canceled at, cancel date,"
                "churned, churn date, expired, expiry date, contract end, termination date, ende, vertragsende,"
                "austritt, austrittsdatum, kundigung, enddatum, fin, date fin, fecha fin, fecha baja, fine,"
                "结束日期, 終了日, 종료일"
            ),
            "when it ended; empty: it has not",
        ),
        Role(
            "price", "number",
            _words(
                "price, fee, amount, mrr, monthly fee, monthly price, monthly amount, monthly payment, monthly rate,"
                "membership fee, subscription fee, subscription price, plan price, preis, beitrag, gebuhr,"
                "monatsbeitrag, mitgliedsbeitrag, monatspreis, monatsgebuhr, monatliche gebuhr,"
                "monatlicher beitrag, prix, tarif, cotisation, mensualite,"
                "prix mensuel, precio, cuota, cuota mensual, precio mensual, prezzo, canone,"
                "canone mensile, quota, quota mensile, mensalidade, contributie, 月费, 会费, 月額, 会費"
            ),
            "what is paid each period",
        ),
    ),
)  # fmt: skip
"""Rows of contracts: whose, from when to when, at what price."""

CONTACTS = Table(
    "contacts",
    (
        PURCHASES["customer_id"],
        Role(
            "date", "date",
            _words(
                "date, sent, sent at, sent on, send date, contact date, contacted at, delivered at, exposure date,"
                "campaign date, day, week, start, start date, timestamp, datum, gesendet am, date envoi, fecha, data,"
                "日期, 发送时间, 送信日, 발송일"
            ),
            "when the person was contacted", required=True,
        ),
        Role(
            "lever", "text",
            _words(
                "lever, campaign, campaign id, campaign name, instrument, action, treatment, offer, offer id, coupon,"
                "channel, medium, kampagne, aktion, campagne, campana, campagna, campanha, 活动, 渠道, キャンペーン"
            ),
            "what was sent",
        ),
        Role(
            "cost", "number",
            _words("cost, costs, spend, price, contact cost, unit cost, kosten, cout, coste, costo, custo, 成本"),
            "what it cost",
        ),
        Role(
            "outcome", "text",
            _words(
                "outcome, response, responded, result, followed, redeemed, converted, conversion, clicked, bought,"
                "reaktion, ergebnis, reponse, respuesta, risposta, resposta, 响应, 结果"
            ),
            "what followed",
        ),
        Role(
            "control", "flag",
            _words(
                "control, control group, held out, holdout, held back, is control, kontrolle, kontrollgruppe,"
                "groupe temoin, temoin, grupo de control, gruppo di controllo, 对照组"
            ),
            "whether held back as control",
        ),
    ),
)  # fmt: skip
"""Rows of contacts and offers: who was sent what, when, at what cost, what followed, who was held back."""

SURVEYS = Table(
    "surveys",
    (
        PURCHASES["customer_id"],
        Role(
            "date", "date",
            _words("date, survey date, answered at, answered on, submitted, submitted at, created at, timestamp, datum,"
                   "fecha, data, 日期, 回答日"),
            "when it was answered",
        ),
    ),
)  # fmt: skip
"""Rows of answers: whose, when, and a column a question."""

PROSPECTS = Table("prospects", PEOPLE.roles)
"""Rows of people who may be won."""

REFERRER_NAMES = _words(
    "referrer, referrer id, referred by, referred by id, recommended by, recommender, brought by, introduced by,"
    "advocate, advocate id, inviter, invited by, geworben von, empfohlen von, werber, parrain, parraine par,"
    "recomendado por, padrino, presentato da, indicado por, 推荐人, 推荐人id, 紹介者"
)
"""Names of columns with the id of who brought a customer."""

REFERRALS = Table(
    "referrals",
    (
        Role("customer_id", "text", (*REFERRER_NAMES, *PURCHASES["customer_id"].names), "who brought somebody", True),
        Role(
            "referred", "text",
            _words(
                "referred, referred id, referred customer, referee, friend, friend id, brought, new customer, invited,"
                "invitee, geworbener, neukunde, filleul, referido, presentato, indicado, 被推荐人, 被介绍人, 被紹介者"
            )
            + PURCHASES["customer_id"].names,
            "who was brought", required=True,
        ),
        Role("date", "date", _words("date, referral date, referred at, created at, day, datum, fecha, data, 日期"),
             "when"),
    ),
)  # fmt: skip
"""Rows of who brought whom."""

BESIDE: Mapping[str, Table] = {
    table.name: table for table in (CONTACTS, SURVEYS, MEMBERSHIPS, SPEND, PROSPECTS, REFERRALS)
}
"""Tables that a base may have beside the purchases, by name."""

TABLES: Mapping[str, Table] = {table.name: table for table in (PURCHASES, PEOPLE, *BESIDE.values())}
"""By name."""
