use super::*;
use crate::plans::postgres_url;

static JIT: Sql = Sql::new("SHOW jit");

#[tokio::test]
async fn postgres_compiles_no_statements() {
    let config = StoreConfig::new(Database::Postgres(postgres_url()), "unused");
    let connector = Connector::new(&config).unwrap();
    let mut writer = connector.connect().await.unwrap();
    let readers = connector.readers(&config).await.unwrap();
    let said = [
        writer.fetch(&JIT, Vec::new()).await.unwrap(),
        readers.fetch(&JIT, Vec::new()).await.unwrap(),
    ];
    for rows in said {
        assert_eq!(rows.first().unwrap().text(0).unwrap(), "off");
    }
    writer.close().await;
    readers.close().await;
}
