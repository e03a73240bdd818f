module fabcert.test/msp-oracle

go 1.26

require (
	github.com/golang/protobuf v1.5.4
	github.com/hyperledger/fabric v2.1.1+incompatible
	github.com/hyperledger/fabric-amcl v0.0.0-20230602173724-9e02669dceb2
	github.com/hyperledger/fabric-protos-go v0.0.0-20200424173316-dd554ba3746e
	github.com/sykesm/zap-logfmt v0.0.4
)

require (
	github.com/pkg/errors v0.8.1 // indirect
	go.uber.org/atomic v1.5.0 // indirect
	go.uber.org/multierr v1.3.0 // indirect
	go.uber.org/zap v1.12.0 // indirect
	golang.org/x/crypto v0.0.0-20190510104115-cbcb75029529 // indirect
	google.golang.org/grpc v1.23.0 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
	gopkg.in/yaml.v2 v2.2.2 // indirect
)
