/**
 * The text part of a social network, in the shape of DeathStarBench's:
 * TextService finds the links and the names in a text, has the links shortened by
 * UrlShortenService and the names looked up by UserMentionService.
 */
namespace rs social

enum ErrorCode {
  /** An argument that no retry will make right. */
  INVALID_ARGUMENT = 0,
  /** A short link or a name that nobody has registered. */
  NOT_FOUND = 1,
  /** A name that another user has. */
  ALREADY_EXISTS = 2,
  /** Another service could not be asked. */
  UNAVAILABLE = 3
}

exception ServiceException {
  1: required ErrorCode error_code;
  2: required string message;
}

struct Url {
  1: required string shortened_url;
  2: required string expanded_url;
}

struct UserMention {
  1: required i64 user_id;
  2: required string username;
}

struct TextServiceReturn {
  1: required string text;
  2: required list<UserMention> user_mentions;
  3: required list<Url> urls;
}

service TextService {
  /** The text with its links shortened, and whom it mentions. */
  TextServiceReturn ComposeText(
    1: i64 req_id,
    2: string text,
    3: map<string, string> carrier
  ) throws (1: ServiceException se)
}

service UrlShortenService {
  /** A short link for each of `urls`, in order. */
  list<Url> ComposeUrls(
    1: i64 req_id,
    2: list<string> urls,
    3: map<string, string> carrier
  ) throws (1: ServiceException se)

  /** What each of `shortened_urls` stands for, in order. */
  list<string> GetExtendedUrls(
    1: i64 req_id,
    2: list<string> shortened_urls,
    3: map<string, string> carrier
  ) throws (1: ServiceException se)
}

service UserMentionService {
  /** The users of these names; names that nobody has are left out. */
  list<UserMention> ComposeUserMentions(
    1: i64 req_id,
    2: list<string> usernames,
    3: map<string, string> carrier
  ) throws (1: ServiceException se)

  /** Gives a user a name that others can mention. */
  void RegisterUser(
    1: i64 req_id,
    2: i64 user_id,
    3: string username,
    4: map<string, string> carrier
  ) throws (1: ServiceException se)
}
